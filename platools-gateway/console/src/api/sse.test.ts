import { describe, expect, it, vi } from 'vitest';

import { EventParser, readEvents } from './sse';

describe('server-sent events', () => {
  it('are read in whatever pieces they come', () => {
    const text = 'event: progress\ndata: {"progress":1}\n\n: alive\r\n\r\nid: 7\r\nevent: result\r\ndata: one\r\ndata: two\r\n\r\n';
    const whole = new EventParser().push(text);
    expect(whole).toEqual([
      { event: 'progress', data: '{"progress":1}' },
      { event: 'result', data: 'one\ntwo', id: '7' },
    ]);
    for (let cut = 1; cut < text.length; cut += 1) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(whole);
    }
  });

  it('lose no letter between two pieces of bytes', async () => {
    const bytes = new TextEncoder().encode('data: Zürich €\n\n');
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readEvents(body)) events.push(event);
    expect(events).toEqual([{ event: 'message', data: 'Zürich €' }]);
  });

  it('count as lost after a long silence, and not while comments come', async () => {
    vi.useFakeTimers();
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    const cancelled = vi.fn();
    const events = readEvents(new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller), cancel: cancelled }));
    const failed = vi.fn();
    events.next().catch(failed);
    for (let round = 0; round < 4; round += 1) {
      await vi.advanceTimersByTimeAsync(30_000);
      body?.enqueue(new TextEncoder().encode(': alive\n\n'));
    }
    await vi.advanceTimersByTimeAsync(44_000);
    expect(failed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2000);
    expect(failed).toHaveBeenCalledOnce();
    expect(cancelled).toHaveBeenCalledOnce();
    vi.useRealTimers();
  });

  it('without an end are not told', () => {
    expect(new EventParser().push('data: half')).toEqual([]);
  });
});
