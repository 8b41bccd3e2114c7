import { describe, expect, it } from 'vitest';

import { RequestError } from '../../api/problem';
import type { ServerEvent } from '../../api/sse';
import { write } from '../../json';
import { ToolRun } from './run';

const tool = { name: 'a/b', entityId: 'ent', environmentId: 'env' };

function run(events: (signal: AbortSignal) => AsyncGenerator<ServerEvent>): { run: ToolRun; sent: { path: string; body: string }[] } {
  const sent: { path: string; body: string }[] = [];
  return {
    sent,
    run: new ToolRun((path, body, signal) => {
      sent.push({ path, body });
      return events(signal);
    }),
  };
}

const event = (name: string, data: unknown): ServerEvent => ({ event: name, data: typeof data === 'string' ? data : JSON.stringify(data) });

/** A stream that says nothing more until it is aborted. */
const silence = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = () => reject(new DOMException('aborted', 'AbortError'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });

describe('a call', () => {
  it('sends the arguments as they were typed, and gives the result to the last digit', async () => {
    const { run: call, sent } = run(async function* () {
      yield event('result', '{"callId":"call_1","result":{"id":12345678901234567890},"latencyMs":12}');
    });
    await call.start(tool, '{ "id": 9007199254740993 }', 5000);
    expect(sent).toEqual([{ path: '/v1/tools/a%2Fb/call', body: '{"arguments":{ "id": 9007199254740993 },"entityId":"ent","environmentId":"env","timeoutMs":5000}' }]);
    const { ending, isRunning } = call.state.get();
    expect(isRunning).toBe(false);
    expect(ending).toMatchObject({ kind: 'result', callId: 'call_1', latencyMs: 12 });
    expect(ending?.kind === 'result' && write(ending.value)).toBe('{"id":12345678901234567890}');
  });

  it('keeps the latest progress and the log, which are there at its end', async () => {
    const { run: call } = run(async function* () {
      yield event('log', { level: 'info', message: 'begin' });
      yield event('progress', { progress: 1, total: 3 });
      yield event('progress', { progress: 2, total: 3, message: 'two' });
      yield event('result', '{"callId":"c","result":null,"latencyMs":1}');
    });
    await call.start(tool, '{}', null);
    expect(call.state.get()).toMatchObject({ progress: { progress: 2, total: 3, message: 'two' }, log: [{ level: 'info', message: 'begin' }], dropped: 0 });
  });

  it('keeps the last thousand lines of a long log', async () => {
    const { run: call } = run(async function* () {
      for (let line = 0; line < 1500; line += 1) yield event('log', { level: 'debug', message: String(line) });
      yield event('result', '{"callId":"c","result":null,"latencyMs":1}');
    });
    await call.start(tool, '{}', null);
    const { log, dropped } = call.state.get();
    expect([log.length, dropped, log[0]?.message]).toEqual([1000, 500, '500']);
  });

  it('fails with the problem of the gateway', async () => {
    const problem = { status: 422, code: 'invalid_arguments', detail: 'a: wrong', retryable: false, errors: [{ path: '/a', message: 'wrong' }] };
    const { run: call } = run(async function* () {
      yield event('error', problem);
    });
    await call.start(tool, '{}', null);
    const { ending } = call.state.get();
    expect(ending?.kind === 'error' && ending.error instanceof RequestError && ending.error.errors).toEqual(problem.errors);
  });

  it('that ends without a result says that the tool may have run', async () => {
    const { run: call } = run(async function* () {});
    await call.start(tool, '{}', null);
    const { ending } = call.state.get();
    expect(ending?.kind === 'error' && String(ending.error)).toContain('may have run');
  });

  it('is cancelled', async () => {
    const { run: call } = run(async function* (signal) {
      yield event('progress', { progress: 1 });
      await silence(signal);
    });
    const ended = call.start(tool, '{}', null);
    await Promise.resolve();
    expect(call.state.get().isRunning).toBe(true);
    call.cancel();
    await ended;
    expect(call.state.get()).toMatchObject({ isRunning: false, ending: { kind: 'cancelled' } });
  });

  it('is replaced by the next one, whose state it leaves alone', async () => {
    let calls = 0;
    const { run: call } = run(async function* (signal) {
      calls += 1;
      if (calls === 1) await silence(signal);
      yield event('result', '{"callId":"second","result":2,"latencyMs":1}');
    });
    const first = call.start(tool, '{}', null);
    const second = call.start(tool, '{}', null);
    await Promise.all([first, second]);
    expect(call.state.get().ending).toMatchObject({ kind: 'result', callId: 'second' });
  });
});
