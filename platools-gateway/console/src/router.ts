// Router: the page's address as a store. Deep links are paths below /console, and filters are in the query.

import { useCallback } from 'preact/hooks';

import { Store, useStore } from './live/store';

export const BASE = '/console';

export interface Place {
  /** The path below the base, beginning with a slash. */
  path: string;
  query: URLSearchParams;
}

export type Params = Record<string, string>;

const place = new Store<Place>(here());

function here(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : location.pathname;
  return { path: path.replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search) };
}

addEventListener('popstate', () => place.set(here()));

/** The address for a link to a path of the console. */
export function href(path: string, query?: Record<string, string | null | undefined>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value) params.set(name, value);
  const text = params.toString();
  return `${BASE}${path === '/' ? '/' : path}${text ? `?${text}` : ''}`;
}

/** Goes to an address that `href` made. */
export function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  place.set(here());
  if (!replace) scrollTo(0, 0);
}

export const usePlace = (): Place => useStore(place);

/** One filter in the query. Setting it to the default or to an empty text takes it out of the address. */
export function useQueryParam(name: string, fallback = ''): [string, (value: string) => void] {
  const value = useStore(place, ({ query }) => query.get(name) ?? fallback);
  const set = useCallback((next: string) => setQuery({ [name]: next === fallback ? '' : next }), [name, fallback]);
  return [value, set];
}

/** Changes filters in the query, and leaves the others as they are. */
export function setQuery(changes: Record<string, string | null>): void {
  const { path, query } = place.get();
  const next: Record<string, string | null> = { ...Object.fromEntries(query), ...changes };
  navigate(href(path, next), { replace: true });
}

/** The parameters of a path that has the form of a pattern such as `/tools/:name`, or undefined. */
export function match(pattern: string, path: string): Params | undefined {
  const parts = pattern.split('/');
  const given = path.split('/');
  if (parts.length !== given.length) return undefined;
  const params: Params = {};
  for (const [index, part] of parts.entries()) {
    const text = given[index] ?? '';
    if (part.startsWith(':')) {
      const value = decoded(text);
      if (!value) return undefined;
      params[part.slice(1)] = value;
    } else if (part !== text) return undefined;
  }
  return params;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Handles a click on a link of the console, and leaves the others to the browser. */
export function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a[href]');
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}
