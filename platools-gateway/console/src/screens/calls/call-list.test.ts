import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Query } from '../../api/rest';
import type { Call, Page } from '../../api/types';
import type { EventsStatus } from '../../live/events';
import { Store } from '../../live/store';
import { CallList, LIVE_ROWS } from './call-list';
import { filtersOf } from './filters';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const call = (number: number, members: Partial<Call> = {}): Call =>
  ({ callId: `call_${String(number).padStart(6, '0')}`, status: 'ended', outcome: 'ok', tool: 'lookup', startedAt: new Date(1_700_000_000_000 + number * 1000).toISOString(), ...members }) as Call;

/** A journal with the calls 1 to `count`, and a stream of events. */
function fixture(count: number, filter = '') {
  let journal = Array.from({ length: count }, (_, index) => call(count - index));
  const requests: Query[] = [];
  let running: Call[] = [];
  const listeners = new Map<string, (data: unknown, event: string) => void>();
  const status = new Store<EventsStatus>('live');
  const events = {
    status,
    on(names: string[], listener: (data: unknown, event: string) => void) {
      for (const name of names) listeners.set(name, listener);
      return () => listeners.clear();
    },
  };
  const fetchPage = (query: Query): Promise<Page<Call>> => {
    if (query['status'] === 'running') return Promise.resolve({ items: running, nextCursor: null });
    requests.push(query);
    const until = query['until'] ? String(query['until']) : '9';
    const from = query['cursor'] ? Number(query['cursor']) : 0;
    const found = journal.filter(({ startedAt }) => startedAt < until);
    const items = found.slice(from, from + Number(query['limit']));
    return Promise.resolve({ items, nextCursor: from + items.length < found.length ? String(from + items.length) : null });
  };
  const fetchCall = (callId: string): Promise<Call> => {
    const found = [...running, ...journal].find((call) => call.callId === callId);
    return found ? Promise.resolve(found) : Promise.reject(new Error('no such call'));
  };
  const list = new CallList({ filters: filtersOf(new URLSearchParams(filter)), environment: null, fetchPage, fetchCall, events });
  list.start();
  const settle = () => vi.advanceTimersByTimeAsync(300);
  const tell = (event: string, ...calls: Call[]) => calls.forEach((data) => listeners.get(event)?.(data, event));
  const add = (...calls: Call[]) => (journal = [...calls, ...journal]);
  const run = (...calls: Call[]) => (running = calls);
  return { list, status, requests, settle, tell, add, run };
}
const atWork = { status: 'running', outcome: null } as const;
const numbers = (list: CallList) => list.state.get().rows.map(({ callId }) => Number(callId.slice(5)));

test('the newest page is shown, and older ones follow by the cursor', async () => {
  const { list, settle, requests } = fixture(450);
  await settle();
  expect(numbers(list)).toHaveLength(200);
  await list.more();
  await list.more();
  expect(numbers(list)).toEqual(Array.from({ length: 450 }, (_, index) => 450 - index));
  expect(list.state.get().hasMore).toBe(false);
  expect(requests.at(-1)?.['cursor']).toBe('400');
});

test('live calls come in at the top, and end where they are', async () => {
  const { list, settle, tell } = fixture(3);
  await settle();
  tell('call_began', call(4, { status: 'running', outcome: null }));
  await settle();
  expect(numbers(list)).toEqual([4, 3, 2, 1]);
  tell('call_ended', call(4));
  await settle();
  expect(list.state.get().rows[0]?.outcome).toBe('ok');
});

test('calls of one moment are drawn together', async () => {
  const { list, settle, tell } = fixture(0);
  await settle();
  const drawn = vi.fn();
  list.state.subscribe(drawn);
  tell('call_ended', ...Array.from({ length: 80 }, (_, index) => call(index)));
  await settle();
  expect(drawn).toHaveBeenCalledTimes(1);
});

test('a paused list keeps its rows, counts what waits, and shows it afterwards', async () => {
  const { list, settle, tell } = fixture(2);
  await settle();
  list.pause();
  tell('call_ended', call(3), call(4));
  await settle();
  expect(numbers(list)).toEqual([2, 1]);
  expect(list.state.get().waiting).toBe(2);
  list.resume();
  expect(numbers(list)).toEqual([4, 3, 2, 1]);
  expect(list.state.get().waiting).toBe(0);
});

test('a live call that a filter leaves out is not shown', async () => {
  const { list, settle, tell } = fixture(0, 'tool=lookup&outcome=timeout');
  await settle();
  tell('call_ended', call(1), call(2, { outcome: 'timeout' }), call(3, { outcome: 'timeout', tool: 'other' }));
  await settle();
  expect(numbers(list)).toEqual([2]);
});

test('a list that lives long keeps its newest rows, and goes on with older ones by their time', async () => {
  const { list, settle, tell, add, requests } = fixture(200);
  await settle();
  const news = Array.from({ length: LIVE_ROWS }, (_, index) => call(201 + index));
  add(...[...news].reverse());
  tell('call_ended', ...news);
  await settle();
  expect(numbers(list)).toHaveLength(LIVE_ROWS);
  expect(numbers(list).at(-1)).toBe(201);
  await list.more();
  expect(requests.at(-1)?.['cursor']).toBeUndefined();
  expect(numbers(list).slice(-2)).toEqual([3, 2]);
});

test('after a gap that is longer than a page the list begins anew', async () => {
  const { list, settle, add, tell } = fixture(10);
  await settle();
  add(...Array.from({ length: 500 }, (_, index) => call(510 - index)));
  tell('restored', undefined as unknown as Call);
  await settle();
  expect(numbers(list)[0]).toBe(510);
  expect(numbers(list)).toHaveLength(200);
  expect(list.state.get().hasMore).toBe(true);
});

test('without a stream of events the journal is asked every moment', async () => {
  const { list, status, add } = fixture(1);
  await vi.advanceTimersByTimeAsync(300);
  status.set('unavailable');
  add(call(2));
  await vi.advanceTimersByTimeAsync(1600);
  expect(numbers(list)).toEqual([2, 1]);
  list.stop();
  add(call(3));
  await vi.advanceTimersByTimeAsync(5000);
  expect(numbers(list)).toEqual([2, 1]);
});

test('running calls are shown from the start, and one that ends unseen is asked about', async () => {
  const { list, settle, tell, add, run } = fixture(2);
  run(call(4, atWork), call(3, atWork));
  await settle();
  tell('restored', undefined as unknown as Call);
  await settle();
  expect(list.state.get().rows.map(({ status }) => status)).toEqual(['running', 'running', 'ended', 'ended']);
  run(call(4, atWork));
  add(call(3));
  tell('restored', undefined as unknown as Call);
  await settle();
  expect(list.state.get().rows.map(({ status }) => status)).toEqual(['running', 'ended', 'ended', 'ended']);
});

test('a running call that is nowhere any more leaves the list', async () => {
  const { list, settle, tell, run } = fixture(1);
  run(call(2, atWork));
  tell('restored', undefined as unknown as Call);
  await settle();
  expect(numbers(list)).toEqual([2, 1]);
  run();
  tell('restored', undefined as unknown as Call);
  await settle();
  expect(numbers(list)).toEqual([1]);
});
