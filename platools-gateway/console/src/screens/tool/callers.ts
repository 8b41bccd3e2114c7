// The callers that a tool takes, and what its annotations promise, in words.

import type { Tool } from '../../api/types';
import { duration } from '../../ui/format';

/** Who may call a tool, as a sentence. */
export function callersOf({ auth, roles }: Pick<Tool, 'auth' | 'roles'>): string {
  const base = auth === 'admin' ? 'Admins' : auth === 'user' ? 'Callers with a user' : 'Operators and admins';
  if (roles.length === 0) return base;
  const names = roles.map((role) => `“${role}”`);
  const list = names.length === 1 ? `role ${names[0] ?? ''}` : `one of the roles ${names.join(', ')}`;
  return `${base} with the tool ${list}`;
}

/** The same for a narrow column. */
export function callersInShort({ auth, roles }: Pick<Tool, 'auth' | 'roles'>): string {
  const base = auth === 'admin' ? 'admins' : auth === 'user' ? 'users' : '';
  return [base, ...roles].filter((part) => part !== '').join(', ') || 'everyone';
}

/** The hints of the annotations that a person should see before a call. */
export function hintsOf(annotations: Record<string, unknown>): { text: string; tone: 'good' | 'warn' | 'bad' | 'neutral'; title: string }[] {
  const hints: ReturnType<typeof hintsOf> = [];
  if (annotations['readOnlyHint'] === true) hints.push({ text: 'reads only', tone: 'good', title: 'The tool says that it changes nothing.' });
  else if (annotations['destructiveHint'] === true) hints.push({ text: 'destructive', tone: 'bad', title: 'The tool says that it may delete or overwrite something.' });
  if (annotations['readOnlyHint'] !== true && annotations['idempotentHint'] === true) {
    hints.push({ text: 'idempotent', tone: 'neutral', title: 'The tool says that a second call with the same arguments changes nothing more.' });
  }
  if (annotations['openWorldHint'] === true) hints.push({ text: 'reaches outside', tone: 'neutral', title: 'The tool says that it talks to systems outside.' });
  if (annotations['strictArguments'] === true) hints.push({ text: 'strict', tone: 'neutral', title: 'Arguments are never changed to fit the schema.' });
  return hints;
}

export function isReadOnly(annotations: Record<string, unknown>): boolean {
  return annotations['readOnlyHint'] === true;
}

/** The limits that annotations declare. */
export function limitsOf(annotations: Record<string, unknown>): string[] {
  const { timeoutMs, maxConcurrency } = annotations;
  return [
    typeof timeoutMs === 'number' ? `${duration(timeoutMs)} for a call` : '',
    typeof maxConcurrency === 'number' ? `${maxConcurrency} at a time` : '',
  ].filter((limit) => limit !== '');
}
