// Types of credentials in the REST interface.

import type { Role } from '../../api/types';

export type SpeaksFor = 'nobody' | 'anybody' | string[];

export interface Key {
  id: string;
  name: string | null;
  role: Role;
  toolRoles: string[];
  agentId: string | null;
  speaksFor: SpeaksFor;
  environments: string[] | null;
  createdAt: string;
  createdBy: string | null;
  expiresAt: string | null;
  lastUsedAt: string | null;
}

export interface Token {
  id: string;
  name: string | null;
  /** Null for the token of a worker. */
  role: Role | null;
  toolRoles: string[];
  userId: string | null;
  agentId: string | null;
  entityId: string | null;
  speaksFor: SpeaksFor | null;
  environments: string[] | null;
  parent: string | null;
  createdAt: string;
  expiresAt: string;
  lastUsedAt: string | null;
}

export interface SignedToken {
  id: string;
  token: string;
  expiresAt: string;
}
