// Gateway RPC over one WebSocket: requests with answers, and events. The connection comes back by itself.

import { Backoff, pause } from '../live/backoff';
import { Store, type Readable } from '../live/store';

export type RpcStatus = 'idle' | 'connecting' | 'open' | 'waiting' | 'refused';

export interface RpcErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  retryAfterMs?: number;
  details?: Record<string, unknown>;
}

/** An error that the gateway answered, or the end of the connection before an answer (`CONNECTION_LOST`). */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly body: RpcErrorBody;

  constructor(body: RpcErrorBody) {
    super(body.message);
    this.body = body;
  }

  get code(): string {
    return this.body.code;
  }

  get details(): Record<string, unknown> {
    return this.body.details ?? {};
  }
}

export type RpcListener = (payload: unknown, event: string) => void;

interface Waiting {
  resolve: (payload: unknown) => void;
  reject: (error: Error) => void;
}

export interface RpcOptions {
  url?: string;
  userId?: string;
  backoff?: Backoff;
  open?: (url: string) => WebSocket;
}

const LOST: RpcErrorBody = {
  code: 'CONNECTION_LOST',
  message: 'The connection to the gateway was lost before the answer. What was asked may have been done.',
  retryable: false,
};

/** A connection of Gateway RPC. It is open from `start` to `stop`; requests made meanwhile wait for it. */
export class RpcClient {
  readonly #status = new Store<RpcStatus>('idle');
  readonly #options: RpcOptions;
  readonly #backoff: Backoff;
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Map<string, Set<RpcListener>>();
  /** Requests that are not sent yet. */
  #queue: string[] = [];
  #socket: WebSocket | undefined;
  #stop: AbortController | undefined;
  #lastId = 0;

  constructor(options: RpcOptions = {}) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
  }

  get status(): Readable<RpcStatus> {
    return this.#status;
  }

  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#run(this.#stop.signal);
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#socket?.close(1000);
    this.#failAll(LOST);
    this.#status.set('idle');
  }

  /** Listens to an event by its name, `*` to all. Returns a function that stops it. */
  on(event: string, listener: RpcListener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  }

  /** Sends a request. An abort gives up the answer; it cancels nothing at the gateway. */
  request<T>(method: string, params: unknown = {}, signal?: AbortSignal): Promise<T> {
    this.#lastId += 1;
    const id = String(this.#lastId);
    const frame = JSON.stringify({ type: 'req', id, method, params });
    return new Promise<T>((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(id);
        this.#queue = this.#queue.filter((queued) => queued !== frame);
        reject(new DOMException('The request was given up.', 'AbortError'));
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.set(id, {
        resolve: (payload) => {
          signal?.removeEventListener('abort', abort);
          resolve(payload as T);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      });
      if (this.#status.get() === 'open') this.#socket?.send(frame);
      else this.#queue.push(frame);
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#status.set('connecting');
      const refusal = await this.#connection(signal);
      if (signal.aborted) return;
      if (refusal) {
        this.#status.set('refused');
        this.#failAll(refusal);
        this.#stop = undefined;
        return;
      }
      this.#status.set('waiting');
      await pause(this.#backoff.next(), signal);
    }
  }

  /** Serves one socket until it ends. An answer means that connecting again is of no use. */
  #connection(signal: AbortSignal): Promise<RpcErrorBody | undefined> {
    return new Promise((resolve) => {
      const socket = (this.#options.open ?? ((url) => new WebSocket(url)))(this.#options.url ?? socketUrl('/ws'));
      this.#socket = socket;
      let refusal: RpcErrorBody | undefined;
      socket.onopen = () => {
        const params = { user_id: this.#options.userId ?? 'console' };
        this.#waiting.set('connect', {
          resolve: () => this.#opened(socket),
          reject: (error) => {
            if (error instanceof RpcError && !error.body.retryable && error.code !== LOST.code) refusal = error.body;
            socket.close(1000);
          },
        });
        socket.send(JSON.stringify({ type: 'req', id: 'connect', method: 'connect', params }));
      };
      socket.onmessage = ({ data }) => this.#received(String(data));
      socket.onclose = (close) => {
        if (this.#socket === socket) this.#socket = undefined;
        if (close.code === 4001) refusal ??= { code: 'UNAUTHORIZED', message: 'The session has ended. Sign in again.', retryable: false };
        if (!signal.aborted) this.#failSent(LOST);
        resolve(refusal);
      };
    });
  }

  #opened(socket: WebSocket): void {
    this.#backoff.reset();
    this.#status.set('open');
    const queue = this.#queue;
    this.#queue = [];
    for (const frame of queue) socket.send(frame);
  }

  #received(text: string): void {
    let frame: Record<string, unknown>;
    try {
      frame = JSON.parse(text) as Record<string, unknown>;
    } catch {
      return;
    }
    if (frame['type'] === 'res') return this.#answered(frame);
    if (frame['type'] !== 'event') return;
    const event = String(frame['event']);
    for (const name of [event, '*']) for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(frame['payload'], event);
  }

  #answered(frame: Record<string, unknown>): void {
    const id = String(frame['id']);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (frame['ok'] === true) waiting?.resolve(frame['payload']);
    else waiting?.reject(new RpcError(frame['error'] as RpcErrorBody));
  }

  /** Fails the requests that were sent. Those of the queue stay for the next connection. */
  #failSent(body: RpcErrorBody): void {
    const queued = new Set(this.#queue.map((frame) => (JSON.parse(frame) as { id: string }).id));
    for (const [id, waiting] of [...this.#waiting]) {
      if (queued.has(id)) continue;
      this.#waiting.delete(id);
      waiting.reject(new RpcError(body));
    }
  }

  #failAll(body: RpcErrorBody): void {
    this.#queue = [];
    this.#failSent(body);
  }
}

/** The address of a WebSocket at the page's own gateway. */
export function socketUrl(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
