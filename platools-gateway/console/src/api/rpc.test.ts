import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Backoff } from '../live/backoff';
import { RpcClient, RpcError } from './rpc';

/** A socket whose other end is the test. */
class FakeSocket {
  static last: FakeSocket;
  static count = 0;
  onopen?: () => void;
  onmessage?: (message: { data: string }) => void;
  onclose?: (close: { code: number; reason: string }) => void;
  readonly sent: { id: string; method: string; params: unknown }[] = [];

  constructor() {
    FakeSocket.last = this;
    FakeSocket.count += 1;
  }

  send(text: string) {
    this.sent.push(JSON.parse(text));
  }

  close(code = 1000) {
    this.end(code);
  }

  end(code: number) {
    this.onclose?.({ code, reason: '' });
  }

  get(frame: unknown) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  answer(id: string, payload: unknown) {
    this.get({ type: 'res', id, ok: true, payload });
  }

  welcome() {
    this.onopen?.();
    this.answer('connect', { protocol: 3, role: 'admin', user_id: 'console' });
  }
}

let client: RpcClient;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.count = 0;
  client = new RpcClient({ url: 'ws://gateway/ws', backoff: new Backoff({ random: () => 0 }), open: () => new FakeSocket() as unknown as WebSocket });
  client.start();
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

describe('the RPC client', () => {
  it('connects first, and sends what waited then', async () => {
    const status = client.request('status');
    FakeSocket.last.onopen?.();
    expect(FakeSocket.last.sent).toEqual([{ type: 'req', id: 'connect', method: 'connect', params: { user_id: 'console' } }]);
    FakeSocket.last.answer('connect', {});
    const request = FakeSocket.last.sent[1];
    expect(request).toMatchObject({ method: 'status', params: {} });
    FakeSocket.last.answer(request?.id ?? '', { workers: 2 });
    await expect(status).resolves.toEqual({ workers: 2 });
  });

  it('gives answers to their requests in any order', async () => {
    FakeSocket.last.welcome();
    const [first, second] = [client.request('a'), client.request('b')];
    const [, one, two] = FakeSocket.last.sent;
    FakeSocket.last.answer(two?.id ?? '', 'second');
    FakeSocket.last.get({ type: 'res', id: one?.id, ok: false, error: { code: 'NOT_FOUND', message: 'there is none', retryable: false } });
    await expect(second).resolves.toBe('second');
    await expect(first).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'there is none' });
  });

  it('gives events to those who listen', () => {
    const chat = vi.fn();
    const all = vi.fn();
    const leave = client.on('chat', chat);
    client.on('*', all);
    FakeSocket.last.welcome();
    FakeSocket.last.get({ type: 'event', event: 'chat', payload: { delta: 'hi' }, seq: 1 });
    leave();
    FakeSocket.last.get({ type: 'event', event: 'chat', payload: { delta: '!' }, seq: 2 });
    expect(chat).toHaveBeenCalledExactlyOnceWith({ delta: 'hi' }, 'chat');
    expect(all).toHaveBeenCalledTimes(2);
  });

  it('fails what was sent when the connection is lost, and connects again for the rest', async () => {
    FakeSocket.last.welcome();
    const lost = client.request('tools.call');
    FakeSocket.last.end(1006);
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    const kept = client.request('status');
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.count).toBe(2);
    FakeSocket.last.welcome();
    FakeSocket.last.answer(FakeSocket.last.sent[1]?.id ?? '', 'here');
    await expect(kept).resolves.toBe('here');
  });

  it('stops when the gateway refuses it', async () => {
    const request = client.request('status');
    FakeSocket.last.onopen?.();
    FakeSocket.last.get({ type: 'res', id: 'connect', ok: false, error: { code: 'UNAUTHORIZED', message: 'sign in', retryable: false } });
    await expect(request).rejects.toBeInstanceOf(RpcError);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.count).toBe(1);
    expect(client.status.get()).toBe('refused');
  });

  it('sends nothing of a request that was given up before it was sent', async () => {
    const abort = new AbortController();
    const request = client.request('status', {}, abort.signal);
    abort.abort();
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    FakeSocket.last.welcome();
    expect(FakeSocket.last.sent.map(({ method }) => method)).toEqual(['connect']);
  });
});
