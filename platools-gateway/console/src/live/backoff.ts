// Backoff: the growing delays between attempts to connect.

/** Delays from half a second to 30 seconds. Each is shortened at random by up to half, so that pages do not return all at once. */
export class Backoff {
  #failures = 0;
  readonly #random: () => number;
  readonly #first: number;
  readonly #longest: number;

  constructor({ first = 500, longest = 30_000, random = Math.random }: { first?: number; longest?: number; random?: () => number } = {}) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** The next delay in milliseconds. */
  next(): number {
    const full = Math.min(this.#longest, this.#first * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(full * (1 - this.#random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Waits, or ends early when `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
    function end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
