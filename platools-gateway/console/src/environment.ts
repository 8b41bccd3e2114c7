// Environment: the one whose tools, workers and calls the screens show. It is in the query of the address, and kept for the next visit.

import { get } from './api/rest';
import type { Environment, Page, Session } from './api/types';
import { useResource } from './live/resource';
import { Store, useStore } from './live/store';
import { has } from './session';

const KEY = 'platools.environment';
const chosen = new Store<string | null>(new URLSearchParams(location.search).get('environment') ?? localStorage.getItem(KEY));

/** The slug of the chosen environment; null is all of them. */
export const useEnvironment = (): string | null => useStore(chosen);

export const currentEnvironment = (): string | null => chosen.get();

export function chooseEnvironment(slug: string | null): void {
  if (slug === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, slug);
  chosen.set(slug);
}

/** The slugs that a session may choose from. Only admins may list environments; the others know those of their tools. */
export function useEnvironments(session: Session): string[] {
  const { data } = useResource(`environments ${session.projectId}`, async (signal) => {
    if (session.environments) return session.environments;
    if (has(session, 'admin')) {
      const page = await get<Page<Environment>>('/v1/environments', { limit: 1000 }, signal);
      return page.items.map(({ slug }) => slug);
    }
    const { tools } = await get<{ tools: { environment: string }[] }>('/v1/tools', { schemas: 0 }, signal);
    return [...new Set(tools.map(({ environment }) => environment))];
  });
  return data ?? [];
}

export type EnvironmentKind = 'development' | 'production' | 'other' | 'all';

/** The kind of an environment, as the gateway has it or by its name. It decides the colour of the bar at the top. */
export function kindOf(slug: string | null, session?: Session): EnvironmentKind {
  if (slug === null) return 'all';
  if (session?.environment?.slug === slug && session.environment.kind !== 'staging') return session.environment.kind;
  if (/^(dev|development|local|test|testing)([-_.].*)?$/i.test(slug)) return 'development';
  if (/^(prod|production|live)([-_.].*)?$/i.test(slug)) return 'production';
  return 'other';
}
