import { describe, expect, it, vi } from 'vitest';

import { Batch } from './batch';

function manual() {
  const flushes: (() => void)[] = [];
  const cancel = vi.fn();
  return { flushes, cancel, schedule: (flush: () => void) => (flushes.push(flush), cancel) };
}

describe('a batch', () => {
  it('applies what came before a frame at once', () => {
    const { flushes, schedule } = manual();
    const apply = vi.fn();
    const batch = new Batch<number>(apply, { schedule });
    batch.add(1);
    batch.add(2);
    expect(flushes).toHaveLength(1);
    flushes[0]?.();
    expect(apply).toHaveBeenCalledExactlyOnceWith([1, 2], 0);
    batch.add(3);
    expect(flushes).toHaveLength(2);
  });

  it('drops the oldest past its limit, and counts them', () => {
    const { flushes, schedule } = manual();
    const apply = vi.fn();
    const batch = new Batch<number>(apply, { schedule, limit: 4 });
    for (let item = 1; item <= 5; item += 1) batch.add(item);
    flushes[0]?.();
    expect(apply).toHaveBeenCalledExactlyOnceWith([4, 5], 3);
  });

  it('forgets what waits when it is closed', () => {
    const { cancel, schedule } = manual();
    const apply = vi.fn();
    const batch = new Batch<number>(apply, { schedule });
    batch.add(1);
    batch.close();
    batch.flush();
    expect(cancel).toHaveBeenCalledOnce();
    expect(apply).not.toHaveBeenCalled();
  });
});
