// ToolRun: one call of a tool after the other, each with its progress, its log and its end.

import { RequestError, isAbort } from '../../api/problem';
import { segment, stream } from '../../api/rest';
import type { ServerEvent } from '../../api/sse';
import type { Problem } from '../../api/types';
import { parse, toPlain, type Json } from '../../json';
import { beforeNextFrame } from '../../live/batch';
import { Store } from '../../live/store';
import type { LogReport, ProgressReport } from '../../ui/progress';

/** The tool to call. */
export interface Target {
  readonly name: string;
  readonly entityId: string;
  readonly environmentId: string;
}

export type Ending =
  | { readonly kind: 'result'; readonly value: Json; readonly callId: string; readonly latencyMs: number | null }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'cancelled' };

export interface RunState {
  readonly isRunning: boolean;
  readonly startedAt: number;
  readonly tookMs: number | null;
  readonly progress: ProgressReport | null;
  readonly log: readonly LogReport[];
  /** Lines of the log that are no longer kept. */
  readonly dropped: number;
  readonly ending: Ending | null;
}

const IDLE: RunState = { isRunning: false, startedAt: 0, tookMs: null, progress: null, log: [], dropped: 0, ending: null };
const MAX_LOG = 1000;

type Sender = (path: string, body: string, signal: AbortSignal) => AsyncIterable<ServerEvent>;

export class ToolRun {
  readonly #state = new Store<RunState>(IDLE);
  readonly #send: Sender;
  #abort: AbortController | null = null;

  constructor(send: Sender = (path, body, signal) => stream('POST', path, { query: { stream: 1 }, body, signal })) {
    this.#send = send;
  }

  get state(): Store<RunState> {
    return this.#state;
  }

  /** Calls the tool with arguments as JSON text, which is sent as it is. */
  async start(tool: Target, args: string, timeoutMs: number | null): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const begun = performance.now();
    this.#state.set({ ...IDLE, isRunning: true, startedAt: Date.now() });
    const reports = new Reports((change) => !abort.signal.aborted && this.#state.update(change));
    const ending = await this.#ending(tool, args, timeoutMs, abort.signal, reports);
    reports.flush();
    // Another call has taken its place.
    if (this.#abort !== abort) return;
    this.#abort = null;
    this.#state.update((state) => ({ ...state, isRunning: false, tookMs: performance.now() - begun, ending }));
  }

  /** Cancels the call: the gateway cancels a call whose caller goes away. */
  cancel(): void {
    this.#abort?.abort();
  }

  /** Forgets the last call. */
  clear(): void {
    this.cancel();
    this.#abort = null;
    this.#state.set(IDLE);
  }

  async #ending(tool: Target, args: string, timeoutMs: number | null, signal: AbortSignal, reports: Reports): Promise<Ending> {
    try {
      for await (const { event, data } of this.#send(`/v1/tools/${segment(tool.name)}/call`, bodyOf(tool, args, timeoutMs), signal)) {
        if (event === 'result') return resultOf(data);
        if (event === 'error') return { kind: 'error', error: new RequestError(JSON.parse(data) as Problem) };
        reports.add(event, data);
      }
      return { kind: 'error', error: new Error('The answer ended before the result. The tool may have run; look at its call among the calls.') };
    } catch (error) {
      return signal.aborted || isAbort(error) ? { kind: 'cancelled' } : { kind: 'error', error };
    }
  }
}

function bodyOf(tool: Target, args: string, timeoutMs: number | null): string {
  const others = { entityId: tool.entityId, environmentId: tool.environmentId, ...(timeoutMs === null ? {} : { timeoutMs }) };
  // The arguments are put in as text: reading them as numbers of JavaScript would round some.
  return `{"arguments":${args},${JSON.stringify(others).slice(1)}`;
}

function resultOf(data: string): Ending {
  const answer = parse(data);
  const member = (name: string): Json => (answer instanceof Map ? (answer.get(name) ?? null) : null);
  const latency = toPlain(member('latencyMs'));
  return { kind: 'result', value: member('result'), callId: String(member('callId') ?? ''), latencyMs: typeof latency === 'number' ? latency : null };
}

/** Reports of a tool, applied once for each frame: a tool may report thousands in a second. */
class Reports {
  #progress: ProgressReport | null = null;
  #log: LogReport[] = [];
  #cancel: (() => void) | null = null;

  constructor(private readonly apply: (change: (state: RunState) => RunState) => void) {}

  add(event: string, data: string): void {
    if (event === 'progress') this.#progress = JSON.parse(data) as ProgressReport;
    else if (event === 'log') this.#log.push({ at: Date.now(), ...(JSON.parse(data) as { level: string; message: string }) });
    else return;
    this.#cancel ??= beforeNextFrame(() => this.flush());
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const [progress, lines] = [this.#progress, this.#log];
    if (progress === null && lines.length === 0) return;
    this.#progress = null;
    this.#log = [];
    this.apply((state) => {
      const log = [...state.log, ...lines];
      const excess = Math.max(0, log.length - MAX_LOG);
      return { ...state, progress: progress ?? state.progress, log: log.slice(excess), dropped: state.dropped + excess };
    });
  }
}
