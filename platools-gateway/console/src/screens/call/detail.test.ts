import { expect, test } from 'vitest';

import { write } from '../../json';
import { argumentsOf, callOf } from './detail';

const body = (more: string) => `{"callId": "call_1", "status": "ended", "tool": "pay", "totalMs": 12, "agentId": null${more}}`;

test('numbers of arguments and results keep their digits', () => {
  const call = callOf(body(', "arguments": {"state": "kept", "value": {"id": 9007199254740993, "rate": 1.50}}, "result": {"state": "redacted", "value": [1e400]}'));
  expect(call).toMatchObject({ callId: 'call_1', totalMs: 12, agentId: null });
  expect(write(argumentsOf(call))).toBe('{"id":9007199254740993,"rate":1.50}');
  expect(call.result).toMatchObject({ state: 'redacted' });
});

test('what the journal dropped or does not have yet is no value', () => {
  expect(callOf(body(', "arguments": {"state": "dropped"}')).arguments).toEqual({ state: 'dropped' });
  expect(callOf(body(', "arguments": null')).arguments).toBeNull();
  expect(callOf(body('')).result).toBeNull();
  expect(write(argumentsOf(callOf(body(''))))).toBe('{}');
});

test('a result that is null is a value', () => {
  expect(callOf(body(', "result": {"state": "kept", "value": null}')).result).toEqual({ state: 'kept', value: null });
});
