// CallFilters: the conditions of the list of calls, as the address of the page, the REST interface and a live event have them.

import type { Query } from '../../api/rest';
import type { Call } from '../../api/types';

export interface CallFilters {
  tool: string;
  entity: string;
  agent: string;
  user: string;
  outcome: string;
  /** The age of the oldest calls: one of `WINDOWS`, or empty for all. */
  last: string;
}

export const FILTER_NAMES = ['tool', 'entity', 'agent', 'user', 'outcome', 'last'] as const;

/** Ages with their length in milliseconds. */
export const WINDOWS: Record<string, { title: string; ms: number }> = {
  '5m': { title: 'Last 5 minutes', ms: 5 * 60_000 },
  '1h': { title: 'Last hour', ms: 3_600_000 },
  '24h': { title: 'Last 24 hours', ms: 86_400_000 },
  '7d': { title: 'Last 7 days', ms: 7 * 86_400_000 },
};

/** The filters of an address. A window that does not exist counts as none. */
export function filtersOf(query: URLSearchParams): CallFilters {
  const text = (name: string) => (query.get(name) ?? '').trim();
  const last = text('last');
  return { tool: text('tool'), entity: text('entity'), agent: text('agent'), user: text('user'), outcome: text('outcome'), last: last in WINDOWS ? last : '' };
}

export const hasFilter = (filters: CallFilters): boolean => FILTER_NAMES.some((name) => filters[name] !== '');

/** The query of `GET /v1/calls` for a page of these calls. */
export function requestOf(filters: CallFilters, environment: string | null, now: number): Query {
  const window = WINDOWS[filters.last];
  return {
    tool: filters.tool,
    entityId: filters.entity,
    environmentId: environment,
    agentId: filters.agent,
    userId: filters.user,
    outcome: filters.outcome,
    since: window ? new Date(now - window.ms).toISOString() : null,
  };
}

/** True for a call of a live event that the list shows. Agents by slug cannot be told from the event, which has ids only. */
export function isShown(call: Call, filters: CallFilters, environment: string | null): boolean {
  const { tool, entity, agent, user, outcome } = filters;
  return (
    (tool === '' || call.tool === tool) &&
    (entity === '' || call.entity === entity || call.entityId === entity) &&
    (environment === null || call.environment === environment || call.environmentId === environment) &&
    (agent === '' || call.agentId === agent) &&
    (user === '' || call.userId === user) &&
    (outcome === '' || call.outcome === outcome)
  );
}
