import { describe, expect, it, vi } from 'vitest';

import { Backoff, pause } from './backoff';

describe('backoff', () => {
  it('doubles up to the longest delay, and starts over', () => {
    const backoff = new Backoff({ first: 100, longest: 350, random: () => 0 });
    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([100, 200, 350, 350]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });

  it('shortens a delay by half at most', () => {
    expect(new Backoff({ first: 100, random: () => 0.999 }).next()).toBe(50);
  });

  it('ends a pause at once when it is aborted', async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    const paused = pause(60_000, abort.signal);
    abort.abort();
    await expect(paused).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
