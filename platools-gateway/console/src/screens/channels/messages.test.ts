import { expect, test } from 'vitest';

import { beginsBlock, together, type ChannelMessage } from './messages';

const message = (id: string, agentId = 'a', minute = 0): ChannelMessage => ({ id, agentId, createdAt: `2026-11-30T10:${String(minute).padStart(2, '0')}:00Z` }) as ChannelMessage;

test('overlapping pages are one list, and a poll without news leaves it as it is', () => {
  const list = together([message('1'), message('2')], [message('2'), message('3')]);
  expect(list.map(({ id }) => id)).toEqual(['1', '2', '3']);
  expect(together(list, [message('3')])).toBe(list);
});

test('messages of one author within minutes are one block', () => {
  expect(beginsBlock(message('1'), undefined)).toBe(true);
  expect(beginsBlock(message('2', 'a', 4), message('1'))).toBe(false);
  expect(beginsBlock(message('2', 'a', 6), message('1'))).toBe(true);
  expect(beginsBlock(message('2', 'b'), message('1'))).toBe(true);
});
