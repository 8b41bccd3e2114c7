// Store: a value that components and connections share, without a library.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** The readable side of a store. */
export interface Readable<T> {
  get(): T;
  /** Calls `listener` after each change. Returns a function that stops it. */
  subscribe(listener: () => void): () => void;
}

/** A value with listeners. An equal value (`Object.is`) is no change. */
export class Store<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** The value of a store, or a part of it. The component renders again only when that part changes. */
export function useStore<T>(store: Readable<T>): T;
export function useStore<T, S>(store: Readable<T>, select: (value: T) => S): S;
export function useStore<T, S>(store: Readable<T>, select?: (value: T) => S): T | S {
  const part = select ? select(store.get()) : store.get();
  const [, render] = useState(0);
  const shown = useRef<T | S>(part);
  shown.current = part;
  const selector = useRef(select);
  selector.current = select;
  useLayoutEffect(() => {
    const check = () => {
      const next = selector.current ? selector.current(store.get()) : store.get();
      if (!Object.is(next, shown.current)) render((count) => count + 1);
    };
    check();
    return store.subscribe(check);
  }, [store]);
  return part;
}
