// Numbers, times and sizes as text for people.

const whole = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

export const count = (value: number): string => (Math.abs(value) < 100_000 ? whole.format(value) : compact.format(value));

/** A count with its noun: `plural(2, 'worker')` is "2 workers". */
export const plural = (value: number, noun: string, nouns = `${noun}s`): string => `${count(value)} ${value === 1 ? noun : nouns}`;

/** A duration with two or three digits: "0.4 ms", "38 ms", "1.2 s", "3 min". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–';
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.round((ms % 86_400_000) / 3_600_000)} h`;
}

export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return '–';
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${Number((size / 1024).toFixed(1))} KiB`;
  return `${Number((size / 1024 / 1024).toFixed(1))} MiB`;
}

/** How long ago a time was, in one unit: "now", "12 s ago", "3 h ago". Times to come read "in 5 min". */
export function ago(at: string | number, now: number = Date.now()): string {
  const ms = now - (typeof at === 'number' ? at : Date.parse(at));
  if (!Number.isFinite(ms)) return '–';
  if (Math.abs(ms) < 2000) return 'now';
  const text = inOneUnit(Math.abs(ms));
  return ms < 0 ? `in ${text}` : `${text} ago`;
}

function inOneUnit(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

export const fullTime = (at: string | number): string => dateTime.format(new Date(at));
export const clockTime = (at: string | number): string => clock.format(new Date(at));

/** A share as percent: "0.4 %". */
export const percent = (part: number, all: number): string => (all === 0 ? '0 %' : `${Number(((part / all) * 100).toFixed(part / all < 0.1 ? 1 : 0))} %`);
