import { expect, test } from 'vitest';

import type { Call } from '../../api/types';
import { merge } from './merge';

const call = (callId: string, second: number, status: Call['status'] = 'ended'): Call =>
  ({ callId, status, startedAt: `2026-11-30T10:00:${String(second).padStart(2, '0')}.000Z`, outcome: status === 'ended' ? 'ok' : null }) as Call;
const ids = (rows: Call[]) => rows.map(({ callId }) => callId).join(' ');

test('new calls take their place by the time at which they began', () => {
  const rows = [call('e', 50), call('c', 30), call('a', 10)];
  expect(ids(merge(rows, [call('b', 20), call('f', 60), call('d', 40)]))).toBe('f e d c b a');
  expect(ids(merge([], [call('a', 10), call('b', 20)]))).toBe('b a');
  expect(ids(merge(rows, [call('0', 5)]))).toBe('e c a 0');
});

test('calls of one moment are in the order of their ids, as in the journal', () => {
  expect(ids(merge([call('b', 10)], [call('c', 10), call('a', 10)]))).toBe('c b a');
});

test('a call that ends replaces the running one, and a late begin does not bring that back', () => {
  const ended = merge([call('a', 10, 'running')], [call('a', 10)]);
  expect(ended).toHaveLength(1);
  expect(ended[0]?.status).toBe('ended');
  expect(merge(ended, [call('a', 10, 'running')])[0]?.status).toBe('ended');
  expect(merge([], [call('a', 10), call('a', 10, 'running')])[0]?.status).toBe('ended');
});

test('the oldest calls beyond the limit go', () => {
  expect(ids(merge([call('c', 30), call('a', 10)], [call('d', 40), call('b', 20)], 3))).toBe('d c b');
});

test('an empty addition leaves the list itself, so that nothing is drawn again', () => {
  const rows = [call('a', 10)];
  expect(merge(rows, [])).toBe(rows);
});

test('a full list takes the live calls of a frame and keeps its length', () => {
  const at = (index: number) => new Date(1_700_000_000_000 + index).toISOString();
  const make = (index: number) => ({ callId: `call_${index}`, status: 'ended', startedAt: at(index) }) as Call;
  const rows = Array.from({ length: 5000 }, (_, index) => make(10_000 - index));
  const grown = merge(rows, Array.from({ length: 40 }, (_, index) => make(10_001 + index)), 5000);
  expect(grown).toHaveLength(5000);
  expect(grown[0]?.callId).toBe('call_10040');
});
