// Detail: one call of the journal, whose arguments and result keep the digits of their numbers.

import { segment, text } from '../../api/rest';
import type { Call } from '../../api/types';
import { parse, toPlain, type Json, type JsonObject } from '../../json';

/** Arguments or a result, as far as the journal has them. */
export type ExactPayload = { state: 'kept' | 'redacted'; value: Json } | { state: 'dropped' };

export interface ExactCall extends Call {
  arguments: ExactPayload | null;
  result: ExactPayload | null;
}

export async function fetchCall(id: string, signal: AbortSignal): Promise<ExactCall> {
  return callOf(await text('GET', `/v1/calls/${segment(id)}`, { signal }));
}

export function callOf(body: string): ExactCall {
  const members = parse(body) as JsonObject;
  const rest = new Map(members);
  rest.delete('arguments');
  rest.delete('result');
  return { ...(toPlain(rest) as Call), arguments: payloadOf(members.get('arguments')), result: payloadOf(members.get('result')) };
}

function payloadOf(payload: Json | undefined): ExactPayload | null {
  if (!(payload instanceof Map)) return null;
  const state = payload.get('state');
  const value = payload.get('value');
  if (state === 'dropped' || value === undefined) return { state: 'dropped' };
  return { state: state === 'redacted' ? 'redacted' : 'kept', value };
}

/** The arguments as a value, as far as they are there. */
export function argumentsOf(call: ExactCall): Json {
  return call.arguments && call.arguments.state !== 'dropped' ? call.arguments.value : new Map();
}
