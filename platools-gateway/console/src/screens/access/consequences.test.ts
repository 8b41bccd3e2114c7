import { expect, test } from 'vitest';

import type { Tool, Worker } from '../../api/types';
import { ofDeletingAgent, ofDeletingEntity, ofRevokingKey, ofRotatingEntity, tokensUnder } from './consequences';
import type { Key, Token } from './types';

const token = (id: string, parent: string | null): Token => ({ id, parent, agentId: null, entityId: null, lastUsedAt: null }) as Token;
const key = { id: 'key_1', lastUsedAt: '2026-11-30T10:00:00Z', agentId: 'agent_1' } as Key;
const now = Date.parse('2026-11-30T10:05:00Z');
const worker = { callsInFlight: 2, callsQueued: 1 } as Worker;
const tools = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => ({ name }) as Tool);

test('tokens end with their parent at every depth, in whatever order they are listed', () => {
  const tokens = [token('t3', 't2'), token('t2', 't1'), token('t1', 'key_1'), token('other', 'key_2')];
  expect(tokensUnder('key_1', tokens).map(({ id }) => id).sort()).toEqual(['t1', 't2', 't3']);
});

test('revoking a key names its tokens, its last use, and that it is one’s own', () => {
  const text = ofRevokingKey(key, [token('t1', 'key_1')], 'key_1', now).join(' ');
  expect(text).toContain('1 token made with it ends');
  expect(text).toContain('last used 5 min ago');
  expect(text).toContain('you will be signed out');
  expect(ofRevokingKey(key, [], 'key_2', now).join(' ')).not.toContain('signed out');
});

test('deleting an entity names its workers, calls and tools, the first of many', () => {
  const text = ofDeletingEntity({ workers: [worker], tools }).join(' ');
  expect(text).toContain('1 connected worker is closed');
  expect(text).toContain('3 calls under way');
  expect(text).toContain('7 tools disappear');
  expect(text).toContain('a, b, c, d, e and 2 more');
  expect(ofDeletingEntity({ workers: [], tools: [] }).join(' ')).toContain('No worker is connected.');
});

test('a rotation says when workers are closed', () => {
  expect(ofRotatingEntity({ workers: [worker, worker], tools }, 0).join(' ')).toContain('are closed at once');
  expect(ofRotatingEntity({ workers: [worker], tools }, 60).join(' ')).toContain('at the end of the grace time');
});

test('deleting an agent counts its credentials', () => {
  const agent = { id: 'agent_1', slug: 'main', createdAt: '' };
  expect(ofDeletingAgent(agent, [key], []).join(' ')).toContain('1 key and 0 tokens');
  expect(ofDeletingAgent({ ...agent, id: 'agent_2' }, [key], []).join(' ')).toContain('no keys and no tokens');
});
