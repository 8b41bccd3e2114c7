// Consequences of a change of access, in sentences that name what breaks.

import type { Agent, Tool, Worker } from '../../api/types';
import { ago, plural } from '../../ui/format';
import type { Key, Token } from './types';

const used = (at: string | null, now: number): string => (at === null ? 'It was never used.' : `It was last used ${ago(at, now)}.`);

/** The tokens that end with a key or token, directly or through another one. */
export function tokensUnder(parent: string, tokens: readonly Token[]): Token[] {
  const found: Token[] = [];
  const ids = new Set([parent]);
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    for (const token of tokens) {
      if (token.parent === null || !ids.has(token.parent) || ids.has(token.id)) continue;
      ids.add(token.id);
      found.push(token);
      isGrowing = true;
    }
  }
  return found;
}

export function ofRevokingKey(key: Key, tokens: readonly Token[], ownCredential: string, now: number): string[] {
  const under = tokensUnder(key.id, tokens);
  return [
    'Programs with this key are refused at once, and their open connections close within a second.',
    ...(under.length > 0 ? [`${plural(under.length, 'token')} made with it ${under.length === 1 ? 'ends' : 'end'} as well.`] : []),
    ...(key.id === ownCredential ? ['This is the key that you are signed in with: you will be signed out.'] : []),
    used(key.lastUsedAt, now),
  ];
}

export function ofRevokingToken(token: Token, tokens: readonly Token[], ownCredential: string, now: number): string[] {
  const under = tokensUnder(token.id, tokens);
  const who = token.entityId === null ? 'Programs' : 'Workers';
  return [
    `${who} with this token are refused at once, and their open connections close within a second.`,
    ...(under.length > 0 ? [`${plural(under.length, 'token')} made with it ${under.length === 1 ? 'ends' : 'end'} as well.`] : []),
    ...(token.id === ownCredential ? ['This is the token that you are signed in with: you will be signed out.'] : []),
    used(token.lastUsedAt, now),
  ];
}

/** What is connected or declared in an entity or an environment. */
export interface InUse {
  workers: readonly Worker[];
  tools: readonly Tool[];
}

function inUse({ workers, tools }: InUse): string[] {
  const calls = workers.reduce((sum, worker) => sum + worker.callsInFlight + worker.callsQueued, 0);
  return [
    workers.length === 0 ? 'No worker is connected.' : `${plural(workers.length, 'connected worker')} ${workers.length === 1 ? 'is' : 'are'} closed and cannot come back.`,
    ...(calls > 0 ? [`${plural(calls, 'call')} under way may get no answer.`] : []),
    tools.length === 0 ? 'It has no tools.' : `${plural(tools.length, 'tool')} ${tools.length === 1 ? 'disappears' : 'disappear'}, and callers are answered that there is no such tool: ${named(tools)}.`,
  ];
}

function named(tools: readonly Tool[]): string {
  const names = [...new Set(tools.map(({ name }) => name))];
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}

export const ofDeletingEntity = (use: InUse): string[] => [...inUse(use), 'Its secrets and the tokens of its workers end.'];

export function ofRotatingEntity({ workers }: InUse, graceSeconds: number): string[] {
  const when = graceSeconds === 0 ? 'at once' : 'at the end of the grace time';
  return [
    `The old secret ends ${when}.`,
    workers.length === 0
      ? 'No worker is connected now.'
      : `${plural(workers.length, 'connected worker')} with the old secret ${workers.length === 1 ? 'is' : 'are'} closed ${when}. Give them the new secret before.`,
  ];
}

export function ofDeletingEnvironment(use: InUse, agents: readonly Agent[]): string[] {
  return [
    ...inUse(use),
    ...(agents.length > 0 ? [`${plural(agents.length, 'agent')} ${agents.length === 1 ? 'loses its' : 'lose their'} tools: ${agents.map(({ slug }) => slug).join(', ')}.`] : []),
  ];
}

export function ofDeletingAgent(agent: Agent, keys: readonly Key[], tokens: readonly Token[]): string[] {
  const own = keys.filter(({ agentId }) => agentId === agent.id).length;
  const signed = tokens.filter(({ agentId }) => agentId === agent.id).length;
  return [
    'Its conversations are deleted.',
    own + signed === 0 ? 'It has no keys and no tokens.' : `${plural(own, 'key')} and ${plural(signed, 'token')} of it end, and their connections close.`,
  ];
}
