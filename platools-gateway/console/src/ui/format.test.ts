import { describe, expect, it } from 'vitest';

import { niceTop } from './chart';
import { ago, bytes, count, duration, percent, plural } from './format';

describe('texts for people', () => {
  it('have durations of few digits', () => {
    expect([0, 0.42, 38.4, 1250, 42_000, 95_000, 3_725_000, 90_000_000].map(duration)).toEqual([
      '0 ms', '0.4 ms', '38 ms', '1.3 s', '42 s', '1 min 35 s', '1 h 2 min', '1 d 1 h',
    ]);
    expect(duration(null)).toBe('–');
  });

  it('have times in one unit', () => {
    const now = Date.parse('2026-01-01T12:00:00Z');
    expect(ago('2026-01-01T11:59:59Z', now)).toBe('now');
    expect(ago('2026-01-01T11:57:30Z', now)).toBe('2 min ago');
    expect(ago('2026-01-02T12:00:00Z', now)).toBe('in 1 d');
    expect(ago('yesterday', now)).toBe('–');
  });

  it('have sizes, counts and shares', () => {
    expect([0, 1024, 1_572_864].map(bytes)).toEqual(['0 B', '1 KiB', '1.5 MiB']);
    expect([12_345, 1_200_000].map(count)).toEqual(['12,345', '1.2M']);
    expect([plural(1, 'worker'), plural(2, 'worker'), plural(0, 'entity', 'entities')]).toEqual(['1 worker', '2 workers', '0 entities']);
    expect([percent(0, 0), percent(1, 3), percent(4, 1000)]).toEqual(['0 %', '33 %', '0.4 %']);
  });

  it('have a round top of a scale', () => {
    expect([0, 0.3, 1, 7, 12, 260, 5000].map(niceTop)).toEqual([1, 0.5, 1, 10, 20, 500, 5000]);
  });
});
