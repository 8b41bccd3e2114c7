import { describe, expect, it } from 'vitest';

import type { Activity, ActivityBucket } from '../api/types';
import { callsOfMinute, linesOf, merge, sumsOf, within } from './activity';

const NOW = Date.parse('2026-01-01T12:00:05Z');
const at = (secondsAgo: number) => new Date(NOW - 5000 - secondsAgo * 1000).toISOString();
const bucket = (secondsAgo: number, calls: number, p50Ms: number | null = 10, errors = 0): ActivityBucket => ({ at: at(secondsAgo), calls, errors, p50Ms, p95Ms: p50Ms });
const activity = (buckets: ActivityBucket[], now = NOW): Activity => ({ now: new Date(now).toISOString(), intervalSeconds: 10, toolIntervalSeconds: 60, buckets, callsInFlight: 0 });

describe('activity', () => {
  it('takes the place of the last minute, and forgets what is too old', () => {
    const tools = [{ name: 'a', entity: 'shop', environment: 'development', calls: 6, errors: 0, p50Ms: 1, p95Ms: 1 }];
    const old = { ...activity([bucket(1900, 1), bucket(600, 2), bucket(30, 3)]), tools };
    const merged = merge(old, { ...activity([bucket(30, 5), bucket(20, 1)]), tools: [] });
    expect(merged.buckets.map(({ calls }) => calls)).toEqual([2, 5, 1]);
    expect(merged.tools).toEqual(tools);
  });

  it('has no interval twice', () => {
    const merged = merge(activity([bucket(60, 7)]), activity([bucket(60, 9)]));
    expect(merged.buckets.map(({ calls }) => calls)).toEqual([9]);
  });

  it('has lines without the interval that is not over', () => {
    const lines = linesOf(activity([bucket(30, 2, 40, 1), bucket(10, 1), bucket(0, 99)]), 30);
    expect(lines.callsPerMinute).toEqual([12, 0, 6]);
    expect(lines.errorsPerMinute).toEqual([6, 0, 0]);
    expect(lines.p50Ms).toEqual([40, null, 10]);
    expect(lines.to - lines.from).toBe(30_000);
  });

  it('of an environment is that of its tools', () => {
    const minute = (minutesAgo: number, calls: number, p50Ms: number): ActivityBucket => ({ at: new Date(NOW - 5000 - minutesAgo * 60_000).toISOString(), calls, errors: 1, p50Ms, p95Ms: p50Ms });
    const tool = (environment: string, series: ActivityBucket[]) => ({ name: 'a', entity: 'shop', environment, calls: 1, errors: 0, p50Ms: 1, p95Ms: 1, series });
    const all = { ...activity([bucket(30, 99)]), tools: [tool('live', [minute(2, 1, 5), minute(1, 2, 10)]), tool('live', [minute(1, 3, 40)]), tool('test', [minute(1, 9, 1)])] };
    const live = within(all, 'live');
    expect(live.buckets.map(({ calls, errors, p50Ms }) => [calls, errors, p50Ms])).toEqual([
      [1, 1, 5],
      [5, 2, 40],
    ]);
    expect(live).toMatchObject({ intervalSeconds: 60, callsInFlight: null });
    expect(live.tools).toHaveLength(2);
    expect(callsOfMinute(live)).toBe(5);
    expect(callsOfMinute(all)).toBe(99);
  });

  it('sums the calls, and weighs latencies by them', () => {
    const sums = sumsOf(activity([bucket(500, 50, 1), bucket(40, 1, 900), bucket(30, 9, 20, 2)]), 60);
    expect(sums).toEqual({ calls: 10, errors: 2, p50Ms: 20, p95Ms: 20 });
    expect(sumsOf(activity([]), 60)).toEqual({ calls: 0, errors: 0, p50Ms: null, p95Ms: null });
  });
});
