// Credential form: what the form of a key or token has, and the request that it makes.

import type { Role } from '../../api/types';
import { plural } from '../../ui/format';
import type { SpeaksFor } from './types';

export interface CredentialForm {
  name: string;
  role: Role;
  agentId: string;
  userId: string;
  toolRoles: string;
  /** Empty is the gateway's default for the role. */
  speaksFor: '' | 'nobody' | 'anybody' | 'list';
  users: string;
  /** Slugs; none is all. */
  environments: string[];
  /** Seconds; empty is without an end. */
  ttl: string;
}

export const EMPTY_FORM: CredentialForm = { name: '', role: 'operator', agentId: '', userId: '', toolRoles: '', speaksFor: '', users: '', environments: [], ttl: '' };

const DAY = 86_400;

export const LIFETIMES: { value: string; label: string }[] = [
  { value: String(3600), label: '1 hour' },
  { value: String(DAY), label: '1 day' },
  { value: String(7 * DAY), label: '7 days' },
  { value: String(30 * DAY), label: '30 days' },
  { value: String(90 * DAY), label: '90 days' },
  { value: String(365 * DAY), label: '1 year' },
];

/** Words of a list that people write with commas or spaces. */
export const wordsOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter(Boolean))];

/** The body of `POST /v1/keys` or `POST /v1/tokens`. What the form leaves open is left out, so that the gateway's defaults hold. */
export function bodyOf(form: CredentialForm): Record<string, unknown> {
  const speaksFor = form.speaksFor === 'list' ? wordsOf(form.users) : form.speaksFor;
  const members: [string, unknown][] = [
    ['name', form.name.trim()],
    ['role', form.role],
    ['agentId', form.agentId],
    ['userId', form.userId.trim()],
    ['toolRoles', wordsOf(form.toolRoles)],
    ['environments', form.environments],
    ['speaksFor', speaksFor],
    ['ttlSeconds', form.ttl === '' ? '' : Number(form.ttl)],
  ];
  const isSaid = ([name, value]: [string, unknown]) => value !== '' && (name === 'speaksFor' || !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(members.filter(isSaid));
}

/** The users that a credential speaks for, in words. */
export function speaksForText(speaksFor: SpeaksFor | null): string {
  if (speaksFor === null) return '–';
  return Array.isArray(speaksFor) ? plural(speaksFor.length, 'user') : speaksFor;
}

export const environmentsText = (environments: string[] | null): string => (environments === null ? 'all' : environments.join(', '));
