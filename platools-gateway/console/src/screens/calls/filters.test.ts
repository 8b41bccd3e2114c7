import { expect, test } from 'vitest';

import type { Call } from '../../api/types';
import { filtersOf, hasFilter, isShown, requestOf } from './filters';

const call = (members: Partial<Call>): Call => ({
  callId: 'call_1', status: 'ended', tool: 'lookup', entity: 'orders', entityId: 'ent_1', environment: 'development', environmentId: 'env_1', credential: 'key_1',
  role: 'operator', agentId: null, userId: null, startedAt: '2026-11-30T10:00:00.000Z', outcome: 'ok', totalMs: 4, latencyMs: 2, argumentsBytes: 2, resultBytes: 2, ...members,
});

test('the address has the filters, and the request has their names of the REST interface', () => {
  const filters = filtersOf(new URLSearchParams('tool=lookup&entity=orders&outcome=timeout&last=1h&user=u%201'));
  const now = Date.parse('2026-11-30T11:00:00Z');
  expect(requestOf(filters, 'production', now)).toEqual({
    tool: 'lookup', entityId: 'orders', environmentId: 'production', agentId: '', userId: 'u 1', outcome: 'timeout', since: '2026-11-30T10:00:00.000Z',
  });
});

test('a window that does not exist is none, and no filter is all calls', () => {
  const filters = filtersOf(new URLSearchParams('last=century'));
  expect(hasFilter(filters)).toBe(false);
  expect(requestOf(filters, null, 0)['since']).toBeNull();
});

test('a live call is shown if it meets every filter', () => {
  const shown = (query: string, environment: string | null, members: Partial<Call> = {}) => isShown(call(members), filtersOf(new URLSearchParams(query)), environment);
  expect(shown('', null)).toBe(true);
  expect(shown('entity=ent_1&tool=lookup', 'development')).toBe(true);
  expect(shown('entity=orders', 'production')).toBe(false);
  expect(shown('outcome=timeout', null)).toBe(false);
  expect(shown('outcome=timeout', null, { outcome: 'timeout' })).toBe(true);
  expect(shown('agent=agent_1', null)).toBe(false);
});
