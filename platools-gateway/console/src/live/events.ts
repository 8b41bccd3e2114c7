// Events of the project: workers and calls that come and go, over one stream that all screens share.

import { RequestError } from '../api/problem';
import { stream } from '../api/rest';
import { Backoff, pause } from './backoff';
import { Store, type Readable } from './store';

export type EventsStatus = 'idle' | 'connecting' | 'live' | 'waiting' | 'unavailable';
export type EventListener = (data: unknown, event: string) => void;

/** The stream `GET /v1/events`. It is open while something listens, and for a moment longer, so that another screen can go on with it. */
export class ProjectEvents {
  readonly #status = new Store<EventsStatus>('idle');
  readonly #listeners = new Map<string, Set<EventListener>>();
  #users = 0;
  #abort: AbortController | undefined;
  #closing: ReturnType<typeof setTimeout> | undefined;

  get status(): Readable<EventsStatus> {
    return this.#status;
  }

  /**
   * Listens to events by their name. `restored` is an event of the page itself: the stream is open, at first or again, and what happened
   * before is unknown.
   */
  on(names: string[], listener: EventListener): () => void {
    for (const name of names) this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
    this.#open();
    return () => {
      for (const name of names) this.#listeners.get(name)?.delete(listener);
      this.#leave();
    };
  }

  #open(): void {
    this.#users += 1;
    clearTimeout(this.#closing);
    if (this.#abort) return;
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  #leave(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#closing = setTimeout(() => this.close(), 5000);
  }

  close(): void {
    clearTimeout(this.#closing);
    this.#abort?.abort();
    this.#abort = undefined;
    this.#status.set('idle');
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      this.#status.set('connecting');
      try {
        const onOpen = () => {
          backoff.reset();
          this.#status.set('live');
          this.#tell('restored', undefined);
        };
        for await (const { event, data } of stream('GET', '/v1/events', { signal, onOpen })) this.#tell(event, JSON.parse(data));
      } catch (error) {
        if (signal.aborted) return;
        // An older gateway has no such stream; a signed-out page gets none.
        if (error instanceof RequestError && (error.status === 404 || error.status === 401 || error.status === 403)) return this.#status.set('unavailable');
      }
      if (signal.aborted) return;
      this.#status.set('waiting');
      await pause(backoff.next(), signal);
    }
  }

  #tell(event: string, data: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(data, event);
  }
}

export const projectEvents = new ProjectEvents();
