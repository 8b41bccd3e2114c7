// useProjectChanges: reloads what a screen shows when events say that it has changed.

import { useEffect, useRef } from 'preact/hooks';

import { projectEvents } from './events';

// Workers that come back together change everything many times within a moment.
const GATHER_MS = 300;

/** Calls `reload` soon after one of the events, once for several of them. */
export function useProjectChanges(events: readonly string[], reload: () => void): void {
  const latest = useRef(reload);
  latest.current = reload;
  const names = events.join(' ');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = projectEvents.on(names.split(' '), () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        latest.current();
      }, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      leave();
    };
  }, [names]);
}
