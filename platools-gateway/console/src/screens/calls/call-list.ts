// CallList: the calls that the screen shows. It reads pages of the journal and follows live calls; while it is paused, they wait.

import { RequestError, isAbort } from '../../api/problem';
import type { Query } from '../../api/rest';
import type { Call, Page } from '../../api/types';
import { Batch } from '../../live/batch';
import type { EventsStatus } from '../../live/events';
import { Store, type Readable } from '../../live/store';
import { isShown, requestOf, type CallFilters } from './filters';
import { isBefore, merge } from './merge';

/** Calls that the live list keeps. Pages that were loaded by hand come on top. */
export const LIVE_ROWS = 2000;
const PAGE = 200;
/** Live calls are drawn together, a few times each second. */
const DRAW_MS = 250;
const POLL_MS = 1500;
/** Calls that ended unseen, each of which is asked about. Of more the rows go. */
const ASKED_AGAIN = 20;
/** A page may have no item and a next page; so many are followed at once. */
const EMPTY_PAGES = 8;

export interface ListState {
  rows: Call[];
  isLoading: boolean;
  error: unknown;
  /** True if there are older calls. */
  hasMore: boolean;
  isPaused: boolean;
  /** Calls that wait because the list is paused. */
  waiting: number;
}

/** The stream of events of the project, as far as the list needs it. */
export interface CallEvents {
  status: Readable<EventsStatus>;
  on(names: string[], listener: (data: unknown, event: string) => void): () => void;
}

export interface CallListOptions {
  filters: CallFilters;
  environment: string | null;
  fetchPage: (query: Query, signal: AbortSignal) => Promise<Page<Call>>;
  fetchCall: (callId: string, signal: AbortSignal) => Promise<Call>;
  events: CallEvents;
}

export class CallList {
  readonly state = new Store<ListState>({ rows: [], isLoading: true, error: null, hasMore: false, isPaused: false, waiting: 0 });
  readonly #options: CallListOptions;
  readonly #abort = new AbortController();
  readonly #batch: Batch<Call>;
  #leave: (() => void)[] = [];
  #cursor: string | null = null;
  #limit = LIVE_ROWS;
  #held: Call[] = [];
  #isMoreLoading = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CallListOptions) {
    this.#options = options;
    const later = (flush: () => void) => {
      const timer = setTimeout(flush, DRAW_MS);
      return () => clearTimeout(timer);
    };
    this.#batch = new Batch<Call>((calls) => this.#take(calls), { schedule: later });
  }

  start(): void {
    const { events } = this.#options;
    void this.refresh();
    this.#leave = [
      events.on(['call_began', 'call_ended'], (data) => this.#heard(data as Call)),
      // What happened while the stream was away is in the journal.
      events.on(['restored', 'dropped'], () => void this.refresh()),
      events.status.subscribe(() => this.#pollWithoutEvents()),
    ];
    this.#pollWithoutEvents();
  }

  stop(): void {
    for (const leave of this.#leave) leave();
    clearTimeout(this.#timer);
    this.#batch.close();
    this.#abort.abort();
  }

  /** Reads the newest page and the running calls. The list begins anew if nothing of it is known, because calls in between may be missing then. */
  async refresh(): Promise<void> {
    try {
      const [page, running] = await Promise.all([this.#page({}), this.#running()]);
      const { rows } = this.state.get();
      const known = new Set(rows.map(({ callId }) => callId));
      const isContinued = rows.length === 0 || page.items.length < PAGE || page.items.some(({ callId }) => known.has(callId));
      if (rows.length === 0 || !isContinued) {
        this.#cursor = page.nextCursor;
        this.#held = [];
        this.#change({ rows: isContinued ? merge(rows, page.items) : page.items, hasMore: page.nextCursor !== null, waiting: 0 });
      } else this.#take(page.items);
      this.#change({ isLoading: false, error: null });
      if (running) await this.#follow(running);
    } catch (error) {
      if (!isAbort(error)) this.#change({ isLoading: false, error });
    }
  }

  /** The calls under way; undefined where a filter asks for an end, and at a gateway that does not list them. */
  async #running(): Promise<Call[] | undefined> {
    if (this.#options.filters.outcome !== '') return undefined;
    try {
      return (await this.#page({ status: 'running' })).items;
    } catch (error) {
      if (error instanceof RequestError && error.code === 'invalid_request') return undefined;
      throw error;
    }
  }

  /** Adds running calls, and finds out about the rows that are shown as running and have ended unseen. */
  async #follow(running: Call[]): Promise<void> {
    this.#take(running);
    const isRunning = new Set(running.map(({ callId }) => callId));
    const unseen = this.state.get().rows.filter((row) => row.status === 'running' && !isRunning.has(row.callId));
    const ask = ({ callId }: Call) => this.#options.fetchCall(callId, this.#abort.signal).catch(() => undefined);
    const found = (await Promise.all(unseen.slice(0, ASKED_AGAIN).map(ask))).filter((call) => call !== undefined);
    const known = new Set(found.map(({ callId }) => callId));
    const lost = new Set(unseen.filter(({ callId }) => !known.has(callId)).map(({ callId }) => callId));
    // An event may have told the end of one of them meanwhile.
    const kept = this.state.get().rows.filter((row) => row.status === 'ended' || !lost.has(row.callId));
    this.#change({ rows: merge(kept, found) });
  }

  /** Reads the next older page. */
  async more(): Promise<void> {
    if (this.#isMoreLoading || !this.state.get().hasMore) return;
    this.#isMoreLoading = true;
    this.#change({ isLoading: true });
    try {
      const older: Call[] = [];
      for (let pages = 0; pages < EMPTY_PAGES && older.length === 0; pages += 1) {
        const page = await this.#page(this.#olderPage());
        older.push(...page.items);
        this.#cursor = page.nextCursor;
        if (page.nextCursor === null) break;
      }
      const { rows } = this.state.get();
      this.#limit = Math.max(this.#limit, rows.length + older.length + PAGE);
      this.#change({ rows: merge(rows, older), hasMore: this.#cursor !== null, isLoading: false, error: null });
    } catch (error) {
      if (!isAbort(error)) this.#change({ isLoading: false, error });
    } finally {
      this.#isMoreLoading = false;
    }
  }

  pause(): void {
    this.#change({ isPaused: true });
  }

  resume(): void {
    const held = this.#held;
    this.#held = [];
    this.#change({ isPaused: false, waiting: 0 });
    this.#add(held);
  }

  #page(more: Query): Promise<Page<Call>> {
    const { filters, environment, fetchPage } = this.#options;
    return fetchPage({ ...requestOf(filters, environment, Date.now()), limit: PAGE, ...more }, this.#abort.signal);
  }

  /** The place of the next page: the journal's cursor, or the time of the last row after the live list has dropped its oldest rows. */
  #olderPage(): Query {
    if (this.#cursor !== null) return { cursor: this.#cursor };
    const last = this.state.get().rows.at(-1);
    return last ? { until: new Date(Date.parse(last.startedAt) + 1).toISOString() } : {};
  }

  #heard(call: Call): void {
    const { filters, environment } = this.#options;
    if (isShown(call, filters, environment)) this.#batch.add(call);
  }

  #take(calls: Call[]): void {
    if (!this.state.get().isPaused) return this.#add(calls);
    const known = new Set(this.state.get().rows.map(({ callId }) => callId));
    const ends = calls.filter(({ callId }) => known.has(callId));
    this.#held = merge(this.#held, calls.filter(({ callId }) => !known.has(callId)), LIVE_ROWS);
    // A row that is shown may still end; only its place is held.
    this.#change({ rows: merge(this.state.get().rows, ends), waiting: this.#held.length });
  }

  #add(calls: Call[]): void {
    const { rows, hasMore } = this.state.get();
    const last = rows.at(-1);
    // A call that is older than all rows belongs to a page that is not loaded.
    const shown = last && hasMore ? calls.filter((call) => !isBefore(last, call)) : calls;
    const merged = merge(rows, shown, this.#limit);
    const isCut = merged.length === this.#limit && merged.at(-1) !== rows.at(-1) && rows.length > 0;
    if (isCut) this.#cursor = null;
    this.#change({ rows: merged, hasMore: hasMore || isCut });
  }

  /** Asks every moment while the gateway has no stream of events. */
  #pollWithoutEvents(): void {
    clearTimeout(this.#timer);
    if (this.#options.events.status.get() !== 'unavailable' || this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => {
      const again = document.visibilityState === 'visible' ? this.refresh() : Promise.resolve();
      void again.then(() => this.#pollWithoutEvents());
    }, POLL_MS);
  }

  #change(change: Partial<ListState>): void {
    if (!this.#abort.signal.aborted) this.state.update((old) => ({ ...old, ...change }));
  }
}
