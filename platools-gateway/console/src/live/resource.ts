// Resource: data of a request that a screen shows, with its loading and its failure.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { isAbort } from '../api/problem';

export interface Resource<T> {
  /** The last data, also while a newer request runs or after it failed. */
  data: T | undefined;
  error: unknown;
  isLoading: boolean;
  reload(): void;
  /** Replaces the data, until the next answer. */
  set(data: T): void;
}

interface State<T> {
  key: string;
  data: T | undefined;
  error: unknown;
  isLoading: boolean;
}

/**
 * Loads data when the component mounts and when `key` changes, and again every `everyMs` while the page is visible.
 * A null `key` loads nothing.
 */
export function useResource<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, { everyMs }: { everyMs?: number | undefined } = {}): Resource<T> {
  const [state, setState] = useState<State<T>>({ key: '', data: undefined, error: undefined, isLoading: true });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  useEffect(() => {
    if (key === null) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      setState((old) => ({ key, data: old.key === key ? old.data : undefined, error: old.key === key ? old.error : undefined, isLoading: true }));
      try {
        const data = await loader.current(abort.signal);
        if (abort.signal.aborted) return;
        setState({ key, data, error: undefined, isLoading: false });
      } catch (error) {
        if (abort.signal.aborted || isAbort(error)) return;
        setState((old) => ({ ...old, error, isLoading: false }));
      }
      if (everyMs !== undefined) timer = setTimeout(again, everyMs);
    };
    const again = () => {
      timer = undefined;
      if (document.visibilityState === 'visible') void run();
      else document.addEventListener('visibilitychange', again, { once: true });
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', again);
    };
  }, [key, round, everyMs]);

  const reload = useCallback(() => setRound((count) => count + 1), []);
  const set = useCallback((data: T) => setState((old) => ({ ...old, data, error: undefined })), []);
  const isCurrent = state.key === key;
  return { data: isCurrent ? state.data : undefined, error: isCurrent ? state.error : undefined, isLoading: isCurrent ? state.isLoading : true, reload, set };
}
