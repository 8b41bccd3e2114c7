// The dashboards' feed of one agent: its state when the connection opens, then each change.

import { Backoff, pause } from '../live/backoff';
import { RequestError, isAbort } from './problem';
import { request } from './rest';
import { socketUrl } from './rpc';

export type FeedStatus = 'connecting' | 'open' | 'waiting' | 'displaced' | 'refused';

export interface FeedListener {
  /** A message of the feed: `initial_data` takes the place of all that is known. */
  message(type: string, data: unknown): void;
  status(status: FeedStatus, error?: RequestError): void;
}

/** Watches an agent until the returned function is called. */
export function watchAgent(agentId: string, listener: FeedListener): () => void {
  const stop = new AbortController();
  void run(agentId, listener, stop.signal);
  return () => stop.abort();
}

async function run(agentId: string, listener: FeedListener, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff();
  const path = `/ws?agentId=${encodeURIComponent(agentId)}`;
  while (!signal.aborted) {
    listener.status('connecting');
    const close = await connection(path, listener, signal, () => backoff.reset());
    if (signal.aborted) return;
    // Another page took the agent. Connecting again would take it back, and the two would go on for ever.
    if (close.reason === 'New connection established') return listener.status('displaced');
    const refusal = await refusalOf(path, signal);
    if (signal.aborted) return;
    if (refusal) return listener.status('refused', refusal);
    listener.status('waiting');
    await pause(backoff.next(), signal);
  }
}

function connection(path: string, listener: FeedListener, signal: AbortSignal, opened: () => void): Promise<CloseEvent> {
  return new Promise((resolve) => {
    const socket = new WebSocket(socketUrl(path));
    const close = () => socket.close(1000);
    signal.addEventListener('abort', close, { once: true });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as { type: string; data?: unknown };
      if (message.type === 'ping') return socket.send(JSON.stringify({ type: 'pong', timestamp: new Date().toISOString() }));
      if (message.type === 'connected') {
        opened();
        listener.status('open');
      } else listener.message(message.type, message.data);
    };
    socket.onclose = (event) => {
      signal.removeEventListener('abort', close);
      resolve(event);
    };
  });
}

/** The reason why the gateway refuses the connection for good. A browser hides it, so the same address is asked over HTTP. */
async function refusalOf(path: string, signal: AbortSignal): Promise<RequestError | undefined> {
  try {
    await request('GET', path, { signal });
  } catch (error) {
    if (!isAbort(error) && error instanceof RequestError && (error.status === 401 || error.status === 404)) return error;
  }
  return undefined;
}
