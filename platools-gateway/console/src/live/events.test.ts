import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ProjectEvents } from './events';

let bodies: ReadableStreamDefaultController<Uint8Array>[];
let status: number;

const tell = async (text: string) => {
  bodies.at(-1)?.enqueue(new TextEncoder().encode(text));
  await vi.advanceTimersByTimeAsync(0);
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  bodies = [];
  status = 200;
  vi.stubGlobal('fetch', async (_: string, { signal }: RequestInit) => {
    if (status !== 200) return new Response('{}', { status });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        bodies.push(controller);
        signal?.addEventListener('abort', () => controller.error(new DOMException('aborted', 'AbortError')));
      },
    });
    return new Response(body);
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the events of a project', () => {
  it('reach those who listen to them, over one stream', async () => {
    const events = new ProjectEvents();
    const began = vi.fn();
    const ended = vi.fn();
    events.on(['call_began'], began);
    events.on(['call_ended'], ended);
    await vi.advanceTimersByTimeAsync(0);
    await tell('event: call_ended\ndata: {"callId":"c1"}\n\n');
    expect(bodies).toHaveLength(1);
    expect(ended).toHaveBeenCalledExactlyOnceWith({ callId: 'c1' }, 'call_ended');
    expect(began).not.toHaveBeenCalled();
    expect(events.status.get()).toBe('live');
    events.close();
  });

  it('come again after the stream ended, and say that something may be missing', async () => {
    const events = new ProjectEvents();
    const listener = vi.fn();
    events.on(['restored', 'call_ended'], listener);
    await vi.advanceTimersByTimeAsync(0);
    expect(listener).toHaveBeenCalledExactlyOnceWith(undefined, 'restored');
    bodies.at(-1)?.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(events.status.get()).toBe('waiting');
    await vi.advanceTimersByTimeAsync(500);
    expect(bodies).toHaveLength(2);
    await tell('event: call_ended\ndata: 1\n\n');
    expect(listener.mock.calls.map(([, event]) => event)).toEqual(['restored', 'restored', 'call_ended']);
    events.close();
  });

  it('end with the last listener, a moment later', async () => {
    const events = new ProjectEvents();
    const leave = events.on(['call_ended'], () => undefined);
    await vi.advanceTimersByTimeAsync(0);
    leave();
    events.on(['call_ended'], () => undefined)();
    await vi.advanceTimersByTimeAsync(5000);
    expect(events.status.get()).toBe('idle');
    expect(bodies).toHaveLength(1);
  });

  it('are given up at a gateway that has none', async () => {
    status = 404;
    const events = new ProjectEvents();
    events.on(['call_ended'], () => undefined);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events.status.get()).toBe('unavailable');
  });
});
