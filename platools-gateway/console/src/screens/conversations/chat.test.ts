import { expect, test } from 'vitest';

import { RpcError, type RpcClient } from '../../api/rpc';
import { Chat } from './chat';

/** A connection whose answers the test gives. */
function fixture() {
  const listeners = new Map<string, (payload: unknown, event: string) => void>();
  const requests: { method: string; params: unknown; resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  const rpc = {
    on(event: string, listener: (payload: unknown, event: string) => void) {
      listeners.set(event, listener);
      return () => listeners.delete(event);
    },
    request: (method: string, params: unknown) => new Promise((resolve, reject) => requests.push({ method, params, resolve, reject })),
  } as unknown as RpcClient;
  const tell = (event: string, payload: object) => listeners.get(event)?.(payload, event);
  return { rpc, requests, tell };
}
const texts = (chat: Chat) => chat.state.get().items.map((item) => (item.kind === 'tool' ? item.name : item.text));

test('an answer grows while it comes, and a new conversation gets its name', async () => {
  const { rpc, requests, tell } = fixture();
  const chat = new Chat(rpc, 'main', null);
  const begun: string[] = [];
  chat.listen((id) => begun.push(id));
  const said = chat.say('2+2?');
  tell('agent', { status: 'started', run_id: 'r', session_id: 's' });
  tell('chat', { delta: 'It is ', run_id: 'r' });
  tell('chat', { delta: 'of another run', run_id: 'other' });
  tell('chat', { delta: '4', run_id: 'r' });
  expect(texts(chat)).toEqual(['2+2?', 'It is 4']);
  expect(chat.state.get().isRunning).toBe(true);
  requests[0]?.resolve({ content: 'It is 4', sessionId: 's', runId: 'r' });
  await said;
  expect(begun).toEqual(['s']);
  expect(texts(chat)).toEqual(['2+2?', 'It is 4']);
  expect(chat.state.get()).toMatchObject({ isRunning: false, sessionId: 's' });
  void chat.say('and 5?');
  expect(requests[1]?.params).toMatchObject({ sessionId: 's', message: 'and 5?' });
});

test('a run of another conversation on the same connection is left alone', () => {
  const { rpc, tell } = fixture();
  const chat = new Chat(rpc, 'main', 's1');
  chat.listen(() => undefined);
  void chat.say('hello');
  tell('agent', { status: 'started', run_id: 'r2', session_id: 's2' });
  tell('chat', { delta: 'not mine', run_id: 'r2' });
  tell('agent', { status: 'started', run_id: 'r1', session_id: 's1' });
  tell('chat', { delta: 'mine', run_id: 'r1' });
  expect(texts(chat)).toEqual(['hello', 'mine']);
});

test('a failed run says why, and the next message goes on in the same conversation', async () => {
  const { rpc, requests } = fixture();
  const chat = new Chat(rpc, 'main', null);
  chat.listen(() => undefined);
  const said = chat.say('hello');
  requests[0]?.reject(new RpcError({ code: 'UNAVAILABLE', message: 'the model is away', retryable: true, details: { sessionId: 's', runId: 'r' } }));
  await said;
  expect(texts(chat)).toEqual(['hello', 'the model is away']);
  expect(chat.state.get().sessionId).toBe('s');
});

test('stopping names the run', async () => {
  const { rpc, requests, tell } = fixture();
  const chat = new Chat(rpc, 'main', null);
  chat.listen(() => undefined);
  void chat.say('hello');
  tell('agent', { status: 'started', run_id: 'r', session_id: 's' });
  void chat.stop();
  expect(requests[1]).toMatchObject({ method: 'chat.abort', params: { runId: 'r' } });
});
