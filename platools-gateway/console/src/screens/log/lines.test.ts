import { expect, test } from 'vitest';

import { append, filtered, lineOf, type LogLine } from './lines';

const line = (level: string, message: string, more: object = {}): LogLine => {
  const read = lineOf({ timestamp: '2026-11-30T10:00:00Z', level, target: 'access', message, ...more });
  if (!read) throw new Error('no line');
  return read;
};

test('a line has its level, its text and everything else that it says', () => {
  expect(line('INFO', 'worker connected', { entity: 'orders', duration_ms: 12, peer: { port: 80 } })).toMatchObject({
    level: 'info',
    target: 'access',
    message: 'worker connected',
    fields: [['entity', 'orders'], ['duration_ms', '12'], ['peer', '{"port":80}']],
  });
  expect(line('TRACE', 'x').level).toBe('debug');
  expect(lineOf('no object')).toBeUndefined();
});

test('a level shows the more serious ones, too, and a search wants every word', () => {
  const lines = [line('ERROR', 'the database failed'), line('WARN', 'slow'), line('INFO', 'worker connected', { entity: 'Orders' }), line('DEBUG', 'request')];
  const messages = (level: 'error' | 'info' | 'debug', search: string) => filtered(lines, level, search).map(({ message }) => message);
  expect(messages('error', '')).toEqual(['the database failed']);
  expect(messages('info', '')).toHaveLength(3);
  expect(messages('debug', '')).toHaveLength(4);
  expect(messages('debug', 'entity=orders CONNECTED')).toEqual(['worker connected']);
  expect(messages('error', 'connected')).toEqual([]);
});

test('the oldest lines go, and no two lines have one id', () => {
  const lines = append([line('INFO', '1'), line('INFO', '2')], [line('INFO', '3')], 2);
  expect(lines.map(({ message }) => message)).toEqual(['2', '3']);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(2);
});
