import { describe, expect, it, vi } from 'vitest';

import { Store } from './store';

describe('a store', () => {
  it('tells its listeners of changes only', () => {
    const store = new Store(1);
    const listener = vi.fn();
    store.subscribe(listener);
    store.set(1);
    store.set(2);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(store.get()).toBe(2);
  });

  it('lets a listener leave while it is told', () => {
    const store = new Store(0);
    const second = vi.fn();
    const leave = store.subscribe(() => leave());
    store.subscribe(second);
    store.set(1);
    store.set(2);
    expect(second).toHaveBeenCalledTimes(2);
  });
});
