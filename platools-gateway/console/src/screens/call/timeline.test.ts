import { expect, test } from 'vitest';

import type { Call } from '../../api/types';
import { OUTCOME_NAMES, outcomeText } from './outcomes';
import { spansOf, timelineOf } from './timeline';

const call = (members: Partial<Call> = {}): Call => ({
  callId: 'call_1', status: 'ended', tool: 'lookup', entity: 'orders', entityId: 'ent_1', environment: 'development', environmentId: 'env_1', credential: 'key_1',
  role: 'operator', agentId: null, userId: null, startedAt: '2026-11-30T10:00:00.000Z', outcome: 'ok', totalMs: 14, latencyMs: 9, argumentsBytes: 2, resultBytes: 2, ...members,
});
const ids = (members: Partial<Call>) => timelineOf(call(members)).map(({ id }) => id).join(' ');

test('a call that succeeded was received, sent, ran and was answered', () => {
  expect(ids({})).toBe('received sent ran answered');
  const steps = timelineOf(call());
  expect(steps.at(-1)).toMatchObject({ title: 'Answered', atMs: 14, tone: 'good' });
  expect(steps.find(({ id }) => id === 'sent')?.atMs).toBeNull();
});

test('a refused call was never sent, and one without a worker’s answer may have been', () => {
  expect(ids({ outcome: 'invalid_arguments', latencyMs: null })).toBe('received refused answered');
  expect(timelineOf(call({ outcome: 'timeout', latencyMs: null }))[1]).toMatchObject({ id: 'sent', tone: 'warn' });
});

test('a running call has no end', () => {
  expect(ids({ outcome: null, totalMs: null, latencyMs: null, status: 'running' })).toBe('received sent');
});

test('reports stand between the sending and the answer, at the time since the begin', () => {
  const at = Date.parse('2026-11-30T10:00:00.005Z');
  const steps = timelineOf(call(), [{ kind: 'progress', at, text: '1 of 3' }, { kind: 'log', at: at + 2, text: 'slow', level: 'warning' }]);
  expect(steps.map(({ id }) => id)).toEqual(['received', 'sent', 'report-0', 'report-1', 'ran', 'answered']);
  expect(steps[2]).toMatchObject({ atMs: 5, detail: '1 of 3' });
  expect(steps[3]).toMatchObject({ atMs: 7, tone: 'warn' });
});

test('the time outside the worker is the rest, and never negative', () => {
  expect(spansOf(call())).toEqual({ totalMs: 14, workerMs: 9, restMs: 5 });
  expect(spansOf(call({ latencyMs: 15 }))?.restMs).toBe(0);
  expect(spansOf(call({ totalMs: null }))).toBeNull();
  expect(spansOf(call({ latencyMs: null }))?.restMs).toBeNull();
});

test('every outcome that a filter offers has a sentence of its own', () => {
  const texts = OUTCOME_NAMES.map((name) => outcomeText(name).text);
  expect(new Set(texts).size).toBe(texts.length);
  for (const text of texts) expect(text).not.toContain('ended with');
});
