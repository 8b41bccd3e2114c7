// Batch: events that are applied together, once for each frame, however many arrive.

/** Calls `flush` before the next frame, or after 250 ms in a hidden tab, which draws no frames. Returns a function that cancels it. */
export function beforeNextFrame(flush: () => void): () => void {
  if (document.visibilityState === 'hidden') {
    const timer = setTimeout(flush, 250);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(() => flush());
  return () => cancelAnimationFrame(frame);
}

/** Items that wait for the next frame. The oldest go when more than `limit` wait. */
export class Batch<T> {
  #waiting: T[] = [];
  #dropped = 0;
  #cancel: (() => void) | undefined;
  readonly #apply: (items: T[], dropped: number) => void;
  readonly #limit: number;
  readonly #schedule: (flush: () => void) => () => void;

  constructor(apply: (items: T[], dropped: number) => void, { limit = 10_000, schedule = beforeNextFrame } = {}) {
    this.#apply = apply;
    this.#limit = limit;
    this.#schedule = schedule;
  }

  add(item: T): void {
    this.#waiting.push(item);
    // Half is dropped at a time, because a shift for each item would cost the whole list each time.
    if (this.#waiting.length > this.#limit) {
      const excess = this.#waiting.length - Math.ceil(this.#limit / 2);
      this.#waiting.splice(0, excess);
      this.#dropped += excess;
    }
    this.#cancel ??= this.#schedule(() => this.flush());
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const items = this.#waiting;
    const dropped = this.#dropped;
    this.#waiting = [];
    this.#dropped = 0;
    if (items.length > 0) this.#apply(items, dropped);
  }

  /** Forgets what waits. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#waiting = [];
    this.#dropped = 0;
  }
}
