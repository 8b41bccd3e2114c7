// Times: how long ago something was, kept up to date by one clock for the whole page.

import { useEffect } from 'preact/hooks';

import { Store, useStore } from '../live/store';
import { ago, fullTime } from './format';

const now = new Store(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time, once each second while something shows it. */
export function useNow(): number {
  useEffect(() => {
    users += 1;
    timer ??= setInterval(() => now.set(Date.now()), 1000);
    return () => {
      users -= 1;
      if (users > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return useStore(now);
}

export function Ago({ at }: { at: string }) {
  useNow();
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at)}
    </time>
  );
}
