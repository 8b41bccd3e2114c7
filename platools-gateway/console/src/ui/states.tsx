// Loading, empty and error states, which every screen has.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { RequestError, messageOf } from '../api/problem';
import type { Resource } from '../live/resource';

/** Lines that stand for what is coming. It shows after a moment, because a fast answer would make it flash. */
export function Loading({ lines = 4, label = 'Loading' }: { lines?: number; label?: string }) {
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="stack" role="status" aria-label={label} aria-busy="true">
      {isShown && Array.from({ length: lines }, (_, index) => <div class="skeleton" key={index} style={{ width: `${90 - ((index * 23) % 50)}%` }} />)}
    </div>
  );
}

export function Empty({ title, children, actions }: { title: string; children?: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div class="actions">{actions}</div>}
    </div>
  );
}

export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div class="state" role="alert">
      <h2>{titleOf(error)}</h2>
      <p class="wrap">{adviceOf(error)}</p>
      {error instanceof RequestError && error.problem.requestId && <p class="faint small mono">request {error.problem.requestId}</p>}
      {retry && (
        <div class="actions">
          <button type="button" class="button" onClick={retry}>
            Try again
          </button>
        </div>
      )}
    </div>
  );
}

function titleOf(error: unknown): string {
  if (!(error instanceof RequestError)) return 'This could not be loaded';
  if (error.status === 403) return 'Your role does not allow this';
  if (error.status === 404) return 'This does not exist';
  return 'The gateway could not answer';
}

function adviceOf(error: unknown): string {
  if (error instanceof RequestError && error.code === 'no_such_route') return 'This gateway is older than the console and does not have this list. Update the gateway.';
  if (error instanceof RequestError && error.status === 403) return `${error.message} Ask an admin of the project for a key with a higher role.`;
  return messageOf(error);
}

/** A line about a failed request that leaves the screen as it is. */
export function Notice({ tone = 'info', children, actions }: { tone?: 'info' | 'warn' | 'bad' | 'good'; children: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <div class="notice" data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
      <p>{children}</p>
      {actions}
    </div>
  );
}

/** Shows a resource: its loading, its failure, or what `children` makes of its data. Old data stays while a reload fails. */
export function Loaded<T>({ resource, children, lines }: { resource: Resource<T>; children: (data: T) => ComponentChildren; lines?: number }) {
  const { data, error, reload } = resource;
  if (data === undefined) return error ? <ErrorState error={error} retry={reload} /> : <Loading {...(lines === undefined ? {} : { lines })} />;
  return (
    <>
      {error !== undefined && error !== null && (
        <Notice tone="warn" actions={<button type="button" class="button button-small" onClick={reload}>Try again</button>}>
          This is not up to date: {messageOf(error)}
        </Notice>
      )}
      {children(data)}
    </>
  );
}
