// Chat: one conversation with an agent over gateway RPC, its transcript and the run that is under way.

import { RpcError, type RpcClient } from '../../api/rpc';
import { messageOf } from '../../api/problem';
import { Store } from '../../live/store';
import { itemsOf, withAnswer, withEvent, type Item, type RunEvent, type StoredMessage } from './transcript';

export interface Conversation {
  sessionId: string;
  agentId: string;
  agent: string;
  userId: string;
  channel: string;
  createdAt: string;
  updatedAt: string;
}

export interface ChatState {
  items: Item[];
  /** Null until the agent has begun to answer the first message. */
  sessionId: string | null;
  isLoading: boolean;
  isRunning: boolean;
  /** The cursor of messages before the ones that are shown. */
  before: string | null;
  error: unknown;
}

interface History {
  session: Conversation;
  messages: StoredMessage[];
  nextCursor: string | null;
}

export class Chat {
  readonly state: Store<ChatState>;
  readonly #rpc: RpcClient;
  readonly #agent: string;
  #runId: string | null = null;

  constructor(rpc: RpcClient, agent: string, sessionId: string | null) {
    this.#rpc = rpc;
    this.#agent = agent;
    this.state = new Store<ChatState>({ items: [], sessionId, isLoading: sessionId !== null, isRunning: false, before: null, error: null });
  }

  /** Listens to the events of the connection, and takes those of its own run. Returns a function that stops it. */
  listen(started: (sessionId: string) => void): () => void {
    const take = (payload: unknown, event: string) => this.#take({ event, payload } as RunEvent, started);
    const leave = ['agent', 'chat', 'tool.call', 'tool.result'].map((event) => this.#rpc.on(event, take));
    return () => leave.forEach((stop) => stop());
  }

  async load(): Promise<void> {
    const { sessionId } = this.state.get();
    if (sessionId === null) return;
    try {
      const history = await this.#history(null);
      this.#change({ items: itemsOf(history.messages), before: history.nextCursor, isLoading: false, error: null });
    } catch (error) {
      this.#change({ isLoading: false, error });
    }
  }

  async loadEarlier(): Promise<void> {
    const { before } = this.state.get();
    if (before === null) return;
    this.#change({ isLoading: true });
    try {
      const history = await this.#history(before);
      const { items } = this.state.get();
      this.#change({ items: [...itemsOf(history.messages), ...items], before: history.nextCursor, isLoading: false });
    } catch (error) {
      this.#change({ isLoading: false, error });
    }
  }

  #history(cursor: string | null): Promise<History> {
    return this.#rpc.request<History>('chat.history', { sessionId: this.state.get().sessionId, limit: 100, ...(cursor === null ? {} : { cursor }) });
  }

  /** Says something, and follows the answer to its end. */
  async say(message: string): Promise<void> {
    const { items, sessionId } = this.state.get();
    const at = new Date().toISOString();
    this.#change({ items: [...items, { kind: 'user', id: `said-${at}-${items.length}`, text: message, at }], isRunning: true, error: null });
    try {
      const params = { agentId: this.#agent, message, channel: 'console', ...(sessionId === null ? {} : { sessionId }) };
      const answer = await this.#rpc.request<{ content: string; sessionId: string; runId: string }>('chat.send', params);
      this.#change({ items: withAnswer(this.state.get().items, answer.runId, answer.content), sessionId: answer.sessionId });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#runId = null;
      this.#change({ isRunning: false });
    }
  }

  async stop(): Promise<void> {
    const { sessionId } = this.state.get();
    if (this.#runId !== null) await this.#rpc.request('chat.abort', { runId: this.#runId });
    else if (sessionId !== null) await this.#rpc.request('chat.abort', { sessionId });
  }

  #take(run: RunEvent, started: (sessionId: string) => void): void {
    if (!this.state.get().isRunning) return;
    if (run.event === 'agent') {
      if (run.payload.status !== 'started' || this.#runId !== null) return;
      const { sessionId } = this.state.get();
      if (sessionId !== null && sessionId !== run.payload.session_id) return;
      this.#runId = run.payload.run_id;
      this.#change({ sessionId: run.payload.session_id });
      if (sessionId === null) started(run.payload.session_id);
    } else if (run.payload.run_id === this.#runId) {
      this.#change({ items: withEvent(this.state.get().items, run) });
    }
  }

  #fail(error: unknown): void {
    const settled = withAnswer(this.state.get().items, this.#runId ?? '', '');
    const isCancelled = error instanceof RpcError && error.details['code'] === 'cancelled';
    const text = isCancelled ? 'You stopped this answer.' : messageOf(error);
    this.#change({ items: [...settled, { kind: 'failure', id: `failure-${settled.length}-${Date.now()}`, text }] });
    const sessionId = error instanceof RpcError ? error.details['sessionId'] : undefined;
    if (typeof sessionId === 'string') this.#change({ sessionId });
  }

  #change(change: Partial<ChatState>): void {
    this.state.update((old) => ({ ...old, ...change }));
  }
}
