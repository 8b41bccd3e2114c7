// Requests to the REST interface of the gateway that served this page. The browser's session cookie is the credential.

import { RequestError, UnreachableError, isAbort, problemOf } from './problem';
import type { Page } from './types';
import { readEvents, type ServerEvent } from './sse';

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Listeners for answers that refuse the session, with the path of the request. */
const unauthenticated = new Set<(path: string) => void>();

export function onUnauthenticated(listener: (path: string) => void): () => void {
  unauthenticated.add(listener);
  return () => {
    unauthenticated.delete(listener);
  };
}

/** A path with its query. Members that are null, undefined or an empty text are left out. */
export function withQuery(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

async function send(method: string, path: string, { query, body, headers, signal }: RequestOptions, accept: string): Promise<Response> {
  const init: RequestInit = { method, headers: { accept, ...headers }, credentials: 'same-origin', redirect: 'error' };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers = { ...init.headers, 'content-type': 'application/json' };
  }
  let response: Response;
  try {
    response = await fetch(withQuery(path, query), init);
  } catch (error) {
    throw isAbort(error) ? error : new UnreachableError(error);
  }
  if (response.ok) return response;
  const error = await problemOf(response);
  if (error.status === 401) for (const listener of [...unauthenticated]) listener(path);
  throw error;
}

/** Sends a request and reads its answer as JSON. A text as `body` is sent as it is. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const body = await text(method, path, options);
  return (body === '' ? undefined : JSON.parse(body)) as T;
}

/** Sends a request and gives its answer as the text that came, for those who read numbers exactly. */
export async function text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
  const response = await send(method, path, options, 'application/json');
  try {
    return await response.text();
  } catch (error) {
    throw isAbort(error) ? error : new UnreachableError(error);
  }
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> => request('GET', path, { query: query ?? {}, signal });
export const post = <T>(path: string, body?: unknown, query?: Query): Promise<T> => request('POST', path, { body: body ?? {}, query: query ?? {} });
export const patch = <T>(path: string, body: unknown, query?: Query): Promise<T> => request('PATCH', path, { body, query: query ?? {} });
export const remove = <T>(path: string, query?: Query): Promise<T> => request('DELETE', path, { query: query ?? {} });

/** Sends a request and reads its answer as server-sent events. `onOpen` is called when the answer begins, which may be long before its first event. */
export async function* stream(method: string, path: string, { onOpen, ...options }: RequestOptions & { onOpen?: () => void } = {}): AsyncGenerator<ServerEvent> {
  const response = await send(method, path, options, 'text/event-stream');
  onOpen?.();
  if (!response.body) return;
  try {
    yield* readEvents(response.body);
  } catch (error) {
    throw isAbort(error) || error instanceof RequestError ? error : new UnreachableError(error);
  }
}

/** All items of a list that comes in pages, up to `most`. */
export async function all<T>(path: string, query: Query = {}, { signal, most = 20_000 }: { signal?: AbortSignal; most?: number } = {}): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(path, { limit: 1000, ...query, cursor }, signal);
    items.push(...page.items);
    cursor = page.nextCursor ?? null;
  } while (cursor !== null && items.length < most);
  return items;
}

/** A part of a path that comes from outside. */
export const segment = (text: string): string => encodeURIComponent(text);
