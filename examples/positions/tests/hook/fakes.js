// A browser for tests of the feed: sockets, answers over HTTP, and timers that a test moves.

import { mock } from 'node:test';

/** Socket that a test speaks for the gateway on. */
export class FakeSocket {
  /** All sockets in the order in which they were opened. @type {FakeSocket[]} */
  static all = [];
  sent = [];
  isClosed = false;
  onmessage = null;
  onclose = null;

  constructor(url) {
    this.url = new URL(url);
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  /** Hands the page a message: text as it is, anything else as JSON. */
  receive(message) {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }

  connected() {
    this.receive({ type: 'connected', data: { agentId: 'trader', timestamp: '2026-01-01T00:00:00Z' } });
  }

  snapshot(...positions) {
    this.receive({ type: 'initial_data', data: { positions } });
  }

  end(code, reason = '') {
    this.onclose?.({ code, reason });
  }
}

/** Answers of the gateway over HTTP: statuses, or nothing for an answer that the page may not read. */
export const http = { status: undefined, headers: {}, requests: [] };

/** Replaces the browser's parts, with sockets and requests of none so far. Pauses have no random part. */
export function install() {
  FakeSocket.all = [];
  Object.assign(http, { status: undefined, headers: {}, requests: [] });
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(Math, 'random', () => 1);
  globalThis.WebSocket = FakeSocket;
  globalThis.fetch = async (url) => {
    http.requests.push(new URL(url));
    if (http.status === undefined) throw new TypeError('Failed to fetch');
    return new Response(null, { status: http.status, headers: http.headers });
  };
}

/** Lets everything happen that waits for no timer. */
export async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the timers. */
export async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

/** The socket that was opened last. */
export function last() {
  return FakeSocket.all.at(-1);
}

/** A position of one token, bought at 2 SOL and worth as much. */
export function position(id, members = {}) {
  const price = { currentPrice: 2, currentPriceUsd: 300 };
  return { id, tokenAddress: `token-${id}`, amount: 10, purchasePrice: 2, ...price, ...members };
}
