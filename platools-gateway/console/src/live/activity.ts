// Activity: the calls of the last minutes in intervals, kept up to date by asking for the latest of them.

import { useRef } from 'preact/hooks';

import { get } from '../api/rest';
import type { Activity, ActivityBucket } from '../api/types';
import { useResource, type Resource } from './resource';

/** The time that the charts show, in seconds. */
export const SPAN = 1800;
const LATEST = 60;

/**
 * The activity of an environment, or of all. The first answer has the whole span; later ones have the last minute and are merged. The activity
 * of one environment is that of its tools.
 */
export function useActivity(environment: string | null): Resource<Activity> {
  const kept = useRef<{ activity: Activity; at: number } | undefined>(undefined);
  const round = useRef(0);
  return useResource<Activity>(
    `activity ${environment}`,
    async (signal) => {
      const asked = performance.now();
      const last = kept.current;
      // A hidden page asks for nothing, so that the last answer may be too old to be continued.
      const old = environment === null && last && asked - last.at < (LATEST * 1000) / 2 ? last.activity : undefined;
      // The list of tools is long and changes slowly, so that every fifth answer has it.
      const hasTools = old === undefined || round.current % 5 === 0;
      round.current += 1;
      const answer = await get<Activity>('/v1/activity', { seconds: hasTools ? SPAN : LATEST, tools: hasTools ? null : false }, signal);
      const activity = old && !hasTools ? merge(old, answer) : answer;
      kept.current = { activity, at: asked };
      return environment === null ? activity : within(activity, environment);
    },
    { everyMs: environment === null ? 2000 : 5000 },
  );
}

/** The part of an activity that belongs to the tools of one environment. */
export function within(activity: Activity, environment: string): Activity {
  const tools = (activity.tools ?? []).filter((tool) => tool.environment === environment);
  const intervals = new Map<string, ActivityBucket[]>();
  for (const { series = [] } of tools) for (const bucket of series) intervals.set(bucket.at, [...(intervals.get(bucket.at) ?? []), bucket]);
  const buckets = [...intervals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([at, parts]) => ({ at, ...totalOf(parts) }));
  return { ...activity, tools, buckets, intervalSeconds: activity.toolIntervalSeconds, callsInFlight: null };
}

/** The old activity with the intervals of a newer answer, which has no tools, in place of its own. */
export function merge(old: Activity, latest: Activity): Activity {
  const end = Date.parse(latest.now);
  const replaced = end - LATEST * 1000;
  const first = end - SPAN * 1000;
  const kept = old.buckets.filter(({ at }) => Date.parse(at) < replaced && Date.parse(at) >= first);
  const seen = new Set(latest.buckets.map(({ at }) => at));
  return { ...old, ...latest, tools: old.tools ?? [], buckets: [...kept.filter(({ at }) => !seen.has(at)), ...latest.buckets] };
}

/** Values of equal distance for a chart. Intervals without calls have no latency. */
export interface Lines {
  from: number;
  to: number;
  callsPerMinute: number[];
  errorsPerMinute: number[];
  p50Ms: (number | null)[];
  p95Ms: (number | null)[];
}

/** The lines of the last `seconds`, without the interval that is not over yet, which would look like a fall. */
export function linesOf(activity: Activity, seconds = SPAN): Lines {
  const step = activity.intervalSeconds * 1000;
  const to = Math.floor(Date.parse(activity.now) / step) * step;
  const length = Math.floor((seconds * 1000) / step);
  const from = to - length * step;
  const perMinute = 60 / activity.intervalSeconds;
  const places: (ActivityBucket | undefined)[] = Array.from({ length });
  for (const bucket of activity.buckets) {
    const place = Math.floor((Date.parse(bucket.at) - from) / step);
    if (place >= 0 && place < length) places[place] = bucket;
  }
  return {
    from,
    to,
    callsPerMinute: places.map((bucket) => (bucket?.calls ?? 0) * perMinute),
    errorsPerMinute: places.map((bucket) => (bucket?.errors ?? 0) * perMinute),
    p50Ms: places.map((bucket) => bucket?.p50Ms ?? null),
    p95Ms: places.map((bucket) => bucket?.p95Ms ?? null),
  };
}

export interface Sums {
  calls: number;
  errors: number;
  /** The median of the intervals' medians, each with the weight of its calls. */
  p50Ms: number | null;
  p95Ms: number | null;
}

/** The calls of the last `seconds`. */
export function sumsOf(activity: Activity, seconds: number): Sums {
  const first = Date.parse(activity.now) - seconds * 1000;
  return totalOf(activity.buckets.filter(({ at }) => Date.parse(at) >= first));
}

/** The calls of the last minute, or of the last interval that is over where intervals are as long as that. */
export function callsOfMinute(activity: Activity): number {
  return activity.intervalSeconds < 60 ? sumsOf(activity, 60).calls : (linesOf(activity, activity.intervalSeconds).callsPerMinute[0] ?? 0);
}

function totalOf(buckets: ActivityBucket[]): Sums {
  return {
    calls: buckets.reduce((sum, { calls }) => sum + calls, 0),
    errors: buckets.reduce((sum, { errors }) => sum + errors, 0),
    p50Ms: weightedMedian(buckets.map(({ p50Ms, calls }) => [p50Ms, calls])),
    p95Ms: weightedMedian(buckets.map(({ p95Ms, calls }) => [p95Ms, calls])),
  };
}

function weightedMedian(pairs: [number | null, number][]): number | null {
  const known = pairs.filter((pair): pair is [number, number] => pair[0] !== null && pair[1] > 0).sort(([a], [b]) => a - b);
  const half = known.reduce((sum, [, weight]) => sum + weight, 0) / 2;
  let passed = 0;
  for (const [value, weight] of known) {
    passed += weight;
    if (passed >= half) return value;
  }
  return null;
}
