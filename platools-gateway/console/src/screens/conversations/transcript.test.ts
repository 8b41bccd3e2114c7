import { expect, test } from 'vitest';

import { itemsOf, withAnswer, withEvent, type Item, type RunEvent } from './transcript';

const at = '2026-11-30T10:00:00Z';
const short = (items: Item[]) => items.map((item) => (item.kind === 'tool' ? `${item.name}:${item.state}` : `${item.kind}:${item.text}`));
const after = (events: RunEvent[], items: Item[] = []) => events.reduce(withEvent, items);

test('stored calls of tools stand where they were made, each with its result', () => {
  const items = itemsOf([
    { role: 'user', content: 'where is it?', createdAt: at },
    { role: 'assistant', content: 'I look.', createdAt: at, toolCalls: [{ id: '1', name: 'lookup', arguments: '{"id": 7}' }, { id: '2', name: 'stock', arguments: {} }] },
    { role: 'tool', content: '{"error": "no such order"}', toolCallId: '1', createdAt: at },
    { role: 'tool', content: '12', toolCallId: '2', createdAt: at },
    { role: 'assistant', content: 'It is here.', createdAt: at },
  ]);
  expect(short(items)).toEqual(['user:where is it?', 'agent:I look.', 'lookup:failed', 'stock:ok', 'agent:It is here.']);
  expect(items[2]).toMatchObject({ input: { id: 7 }, output: { error: 'no such order' } });
});

test('text of a run grows, and a call of a tool divides it', () => {
  const items = after([
    { event: 'agent', payload: { status: 'started', run_id: 'r', session_id: 's' } },
    { event: 'chat', payload: { delta: 'I ', run_id: 'r' } },
    { event: 'chat', payload: { delta: 'look.', run_id: 'r' } },
    { event: 'tool.call', payload: { tool: 'lookup', input: { id: 7 }, run_id: 'r', call_id: 'c' } },
    { event: 'chat', payload: { delta: 'Found.', run_id: 'r' } },
    { event: 'tool.result', payload: { tool: 'lookup', output: { status: 'here' }, run_id: 'r', call_id: 'c' } },
  ]);
  expect(short(items)).toEqual(['agent:I look.', 'lookup:ok', 'agent:Found.']);
  expect(new Set(items.map(({ id }) => id)).size).toBe(3);
});

test('a run that failed leaves its text, and no call that seems to run for ever', () => {
  const items = after([
    { event: 'chat', payload: { delta: 'I ', run_id: 'r' } },
    { event: 'tool.call', payload: { tool: 'lookup', input: {}, run_id: 'r', call_id: 'c' } },
  ]);
  expect(short(withAnswer(items, 'r', ''))).toEqual(['agent:I ', 'lookup:failed']);
});

test('the answer is there once, whether its events came or were dropped', () => {
  const streamed = after([{ event: 'chat', payload: { delta: '4', run_id: 'r' } }]);
  expect(short(withAnswer(streamed, 'r', '4'))).toEqual(['agent:4']);
  expect(short(withAnswer([], 'r', '4'))).toEqual(['agent:4']);
});

test('the next run begins a text of its own', () => {
  const first = withAnswer(after([{ event: 'chat', payload: { delta: 'one', run_id: 'r1' } }]), 'r1', 'one');
  expect(short(after([{ event: 'chat', payload: { delta: 'two', run_id: 'r2' } }], first))).toEqual(['agent:one', 'agent:two']);
});
