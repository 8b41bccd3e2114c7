// Workers: the connected ones, asked for again when one comes or goes, and now and then for their load.

import { useEffect, useMemo, useRef } from 'preact/hooks';

import { all } from '../api/rest';
import type { Worker } from '../api/types';
import { projectEvents } from './events';
import { useResource, type Resource } from './resource';

export function useWorkers(environment: string | null): Resource<Worker[]> {
  const known = useRef(0);
  // A list of thousands comes in many pages, so that it is asked for less often.
  const everyMs = known.current > 1000 ? 20_000 : 3000;
  const resource = useResource(`workers`, (signal) => all<Worker>('/v1/workers', {}, { signal }), { everyMs });
  known.current = resource.data?.length ?? 0;
  useReloadOn(['worker_connected', 'worker_disconnected', 'restored'], resource.reload);
  const data = useMemo(
    () => (environment === null ? resource.data : resource.data?.filter((worker) => worker.environment === environment)),
    [resource.data, environment],
  );
  return { ...resource, data };
}

/** Calls `reload` for events of the project, once for all that come within half a second. */
export function useReloadOn(events: string[], reload: () => void): void {
  const names = events.join(' ');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isFirst = projectEvents.status.get() !== 'live';
    const leave = projectEvents.on(names.split(' '), (_, event) => {
      // The stream opens while the first answer is on its way.
      if (event === 'restored' && isFirst) {
        isFirst = false;
        return;
      }
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, 500);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, [names, reload]);
}
