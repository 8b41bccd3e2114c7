// The connection: when it is made again, and when not.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Feed } from '../../page/feed/feed.js';
import { FakeSocket, http, install, last, pass, settle } from './fakes.js';

beforeEach(install);

/** A feed that notes what happens. */
function feedWith(session = () => ({ url: 'ws://gateway.test/ws', token: 'secret-token' })) {
  const seen = { messages: [], statuses: [], error: null, requests: [] };
  const feed = new Feed({
    agentId: 'trader',
    session: (request) => {
      seen.requests.push(request);
      return session(request);
    },
    onMessage: (message) => seen.messages.push(message.type),
    onStatus: (status, error) => {
      seen.statuses.push(status);
      seen.error = error;
    },
  });
  return { feed, seen };
}

async function connected(session) {
  const { feed, seen } = feedWith(session);
  feed.connect();
  await settle();
  last().connected();
  last().snapshot();
  return { feed, seen };
}

test('a feed connects with the token and the agent in the query', async () => {
  const { seen } = await connected();
  assert.equal(last().url.href, 'ws://gateway.test/ws?token=secret-token&agentId=trader');
  assert.deepEqual(seen.statuses, ['connecting', 'connected']);
  assert.deepEqual(seen.messages, ['connected', 'initial_data']);
});

test('a ping is answered with a pong and not handed on', async () => {
  const { seen } = await connected();
  last().receive({ type: 'ping', timestamp: '2026-01-01T00:00:30Z' });
  const [pong] = last().sent;
  assert.equal(pong.type, 'pong');
  assert.ok(!Number.isNaN(Date.parse(pong.timestamp)));
  assert.ok(!seen.messages.includes('ping'));
});

test('pauses double up to 30 seconds while the gateway is away', async () => {
  const { feed, seen } = feedWith();
  feed.connect();
  await settle();
  for (const pause of [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
    const count = FakeSocket.all.length;
    last().end(1006);
    await settle();
    assert.equal(seen.statuses.at(-1), 'reconnecting');
    await pass(pause - 1);
    assert.equal(FakeSocket.all.length, count, `before ${pause} ms`);
    await pass(1);
    assert.equal(FakeSocket.all.length, count + 1, `after ${pause} ms`);
  }
});

test('pauses begin again after a snapshot, not after a connection without one', async () => {
  const { feed } = feedWith();
  feed.connect();
  await settle();
  for (const pause of [500, 1000]) {
    last().connected();
    last().end(1006);
    await settle();
    const count = FakeSocket.all.length;
    await pass(pause - 1);
    assert.equal(FakeSocket.all.length, count, `before ${pause} ms`);
    await pass(1);
    assert.equal(FakeSocket.all.length, count + 1, `after ${pause} ms`);
  }
  last().connected();
  last().snapshot();
  last().end(1006);
  await settle();
  await pass(500);
  assert.equal(FakeSocket.all.length, 4);
});

test('a connection without a message for 75 seconds is given up', async () => {
  const { seen } = await connected();
  const silent = last();
  await pass(74_000);
  silent.receive({ type: 'ping' });
  await pass(74_000);
  assert.equal(silent.isClosed, false);
  await pass(1_000);
  assert.equal(silent.isClosed, true);
  assert.equal(seen.statuses.at(-1), 'reconnecting');
  // Its late messages and its late close are nothing to the next connection.
  await pass(500);
  assert.notEqual(last(), silent);
  silent.receive({ type: 'late' });
  silent.end(1000, 'New connection established');
  await settle();
  assert.ok(!seen.messages.includes('late'));
  assert.equal(seen.statuses.at(-1), 'reconnecting');
});

test('an attempt without an answer for 20 seconds is given up', async () => {
  const { feed, seen } = feedWith();
  feed.connect();
  await settle();
  await pass(20_000);
  assert.equal(last().isClosed, true);
  assert.equal(seen.statuses.at(-1), 'reconnecting');
});

test('a displaced connection stops, and connect() takes the agent back', async () => {
  const { feed, seen } = await connected();
  last().end(1000, 'New connection established');
  await settle();
  assert.equal(seen.statuses.at(-1), 'stopped');
  assert.equal(seen.error.code, 'displaced');
  await pass(600_000);
  assert.equal(FakeSocket.all.length, 1);
  feed.connect();
  await settle();
  last().connected();
  assert.deepEqual(seen.statuses.slice(-2), ['connecting', 'connected']);
  assert.equal(seen.error, null);
});

test('a gateway that stops or restarts is dialled again', async () => {
  for (const [code, reason] of [[1000, 'Server shutdown'], [1000, 'Connection timeout'], [1006, ''], [1011, '']]) {
    install();
    const { seen } = await connected();
    last().end(code, reason);
    await settle();
    await pass(500);
    assert.equal(FakeSocket.all.length, 2, reason);
    assert.equal(http.requests.length, 0, 'the gateway is not asked after a connection that worked');
    assert.equal(seen.statuses.at(-1), 'reconnecting');
  }
});

test('an agent that may not be watched stops the feed', async () => {
  const { feed, seen } = feedWith();
  feed.connect();
  await settle();
  last().end(1008, 'Agent not found');
  await settle();
  await pass(600_000);
  assert.equal(seen.error.code, 'agent_not_found');
  assert.equal(FakeSocket.all.length, 1);
});

test('a refused token is replaced once, and a second refusal stops the feed', async () => {
  const { feed, seen } = feedWith();
  http.status = 401;
  feed.connect();
  await settle();
  last().end(1006);
  await settle();
  await pass(0);
  assert.equal(http.requests[0].href, 'http://gateway.test/ws?token=secret-token&agentId=trader');
  assert.deepEqual(seen.requests.map((request) => request.isTokenRefused), [false, true]);
  last().end(1006);
  await settle();
  assert.equal(seen.statuses.at(-1), 'stopped');
  assert.equal(seen.error.code, 'unauthorized');
  assert.ok(!String(seen.error.message).includes('secret-token'));
  await pass(600_000);
  assert.equal(FakeSocket.all.length, 2);
});

test('a token that replaces a refused one connects', async () => {
  const { feed, seen } = feedWith(({ isTokenRefused }) => ({ url: 'wss://gateway.test/ws', token: isTokenRefused ? 'new' : 'old' }));
  http.status = 401;
  feed.connect();
  await settle();
  last().end(1006);
  await settle();
  await pass(0);
  assert.equal(last().url.searchParams.get('token'), 'new');
  last().connected();
  assert.equal(seen.statuses.at(-1), 'connected');
  assert.equal(http.requests[0].protocol, 'https:');
  // It worked, so the next refusal is a first one again.
  last().end(1006);
  await settle();
  await pass(30_000);
  last().end(1006);
  await settle();
  await pass(0);
  assert.deepEqual(seen.requests.map((request) => request.isTokenRefused), [false, true, false, true]);
});

test('an outage is no refusal: the feed goes on trying', async () => {
  const { feed, seen } = feedWith();
  feed.connect();
  await settle();
  for (const status of [undefined, 426, 503, 403]) {
    http.status = status;
    last().end(1006);
    await settle();
    assert.equal(seen.statuses.at(-1), 'reconnecting', `${status}`);
    await pass(30_000);
  }
  assert.ok(seen.requests.every((request) => !request.isTokenRefused));
});

test('an agent that is gone is told by 404', async () => {
  const { feed, seen } = feedWith();
  http.status = 404;
  feed.connect();
  await settle();
  last().end(1006);
  await settle();
  assert.equal(seen.error.code, 'agent_not_found');
});

test('a gateway with too many requests is given the time that it asks for', async () => {
  const { feed } = feedWith();
  Object.assign(http, { status: 429, headers: { 'retry-after': '7' } });
  feed.connect();
  await settle();
  last().end(1006);
  await settle();
  await pass(6_999);
  assert.equal(FakeSocket.all.length, 1);
  await pass(1);
  assert.equal(FakeSocket.all.length, 2);
});

test('a token that ends is replaced', async () => {
  const { seen } = await connected();
  last().end(4001, 'the key or token has ended');
  await settle();
  await pass(500);
  assert.equal(seen.requests.at(-1).isTokenRefused, true);
  last().connected();
  assert.equal(seen.statuses.at(-1), 'connected');
});

test('disconnect() ends a connection, an attempt, a question and a pause', async () => {
  const stages = {
    connection: () => last().connected(),
    attempt: () => {},
    question: () => last().end(1006),
    pause: () => last().end(1011),
  };
  for (const [stage, reach] of Object.entries(stages)) {
    install();
    const { feed, seen } = feedWith();
    let question;
    if (stage === 'question') globalThis.fetch = (_, { signal }) => new Promise(() => (question = signal));
    feed.connect();
    await settle();
    reach();
    await settle();
    feed.disconnect();
    last().receive({ type: 'late' });
    await settle();
    await pass(600_000);
    assert.equal(seen.statuses.at(-1), 'disconnected', stage);
    assert.equal(question?.aborted, stage === 'question' ? true : undefined, stage);
    assert.equal(FakeSocket.all.length, 1, stage);
    assert.ok(!seen.messages.includes('late'), stage);
  }
});

test('disconnect() before the session is there opens no socket', async () => {
  let answer;
  const { feed, seen } = feedWith(() => new Promise((resolve) => (answer = resolve)));
  feed.connect();
  await settle();
  feed.disconnect();
  assert.equal(seen.requests[0].signal.aborted, true);
  answer({ url: 'ws://gateway.test/ws', token: 't' });
  await settle();
  assert.equal(FakeSocket.all.length, 0);
  feed.connect();
  await settle();
  answer({ url: 'ws://gateway.test/ws', token: 't' });
  await settle();
  assert.equal(FakeSocket.all.length, 1);
});

test('connect() during a pause tries at once, and is without effect on a connection', async () => {
  const { feed, seen } = await connected();
  feed.connect();
  await settle();
  assert.equal(FakeSocket.all.length, 1);
  last().end(1006);
  await settle();
  feed.connect();
  await settle();
  assert.equal(FakeSocket.all.length, 2);
  feed.connect();
  await pass(30_000);
  assert.ok(seen.statuses.every((status) => status !== 'stopped'));
});

test('a session provider that fails or never answers is asked again', async () => {
  for (const session of [() => Promise.reject(new Error('offline')), () => { throw new Error('offline'); }, () => new Promise(() => {})]) {
    install();
    const { feed, seen } = feedWith(session);
    feed.connect();
    await settle();
    await pass(20_000);
    await pass(30_000);
    assert.ok(seen.requests.length > 1);
    assert.equal(seen.statuses.at(-1), 'reconnecting');
  }
});

test('a session that cannot be used stops the feed and says why without the token', async () => {
  const cases = [
    [null, 'unauthorized', /signed in/],
    [undefined, 'invalid_session', /token/],
    [{ url: 'ws://gateway.test/ws' }, 'invalid_session', /token/],
    [{ token: 'secret-token' }, 'invalid_session', /url/],
    [{ url: 'gateway', token: 'secret-token' }, 'invalid_session', /url/],
    [{ url: 'ftp://gateway/ws', token: 'secret-token' }, 'invalid_session', /url/],
  ];
  for (const [session, code, text] of cases) {
    const { feed, seen } = feedWith(() => session);
    feed.connect();
    await settle();
    assert.equal(seen.error?.code, code);
    assert.match(seen.error.message, text);
    assert.ok(!seen.error.message.includes('secret-token'));
  }
  assert.equal(FakeSocket.all.length, 0);
});

test('a socket that the browser does not open stops the feed without showing the token', async () => {
  globalThis.WebSocket = class {
    constructor(url) {
      throw new DOMException(`insecure: ${url}`, 'SecurityError');
    }
  };
  const { feed, seen } = feedWith();
  feed.connect();
  await settle();
  assert.equal(seen.error.code, 'invalid_session');
  assert.match(seen.error.message, /gateway\.test/);
  assert.ok(!seen.error.message.includes('secret-token'));
});

test('the URL of a session may have a path of the page, another scheme, and a query', async () => {
  globalThis.location = { href: 'https://app.test/dashboard#top' };
  try {
    for (const [url, expected] of [
      ['/ws', 'wss://app.test/ws?token=t%26u&agentId=trader'],
      ['https://gateway.test/ws', 'wss://gateway.test/ws?token=t%26u&agentId=trader'],
      ['http://localhost:3100/ws?site=1#x', 'ws://localhost:3100/ws?site=1&token=t%26u&agentId=trader'],
    ]) {
      const { feed } = feedWith(() => ({ url, token: 't&u' }));
      feed.connect();
      await settle();
      assert.equal(last().url.href, expected);
    }
  } finally {
    delete globalThis.location;
  }
});

test('messages that are no JSON, no object or without a type are ignored', async () => {
  const { seen } = await connected();
  const count = seen.messages.length;
  for (const text of ['', 'no JSON', 'null', '1', '[]', '{}', '{"type":1}']) last().receive(text);
  assert.equal(seen.messages.length, count);
  last().receive({ type: 'anything' });
  assert.equal(seen.messages.at(-1), 'anything');
});

test('a page that is left closes its connection, and connects again when the browser shows it as it was', async () => {
  const page = new EventTarget();
  const names = ['addEventListener', 'removeEventListener'];
  for (const name of names) globalThis[name] = page[name].bind(page);
  const event = (type, persisted) => page.dispatchEvent(Object.assign(new Event(type), { persisted }));
  try {
    const { feed, seen } = await connected();
    event('pageshow', false);
    await settle();
    assert.equal(FakeSocket.all.length, 1, 'the first visit');
    event('pagehide', true);
    assert.equal(last().isClosed, true);
    assert.equal(seen.statuses.at(-1), 'reconnecting');
    await pass(600_000);
    assert.equal(FakeSocket.all.length, 1, 'a page that was left does not connect');
    event('pageshow', true);
    await settle();
    last().connected();
    assert.equal(FakeSocket.all.length, 2);
    assert.equal(seen.statuses.at(-1), 'connected');
    // Only a page that comes back ends a pause.
    last().end(1006);
    await settle();
    event('pageshow', false);
    await settle();
    assert.equal(FakeSocket.all.length, 2);
    feed.disconnect();
    event('pagehide', true);
    event('pageshow', true);
    await settle();
    assert.equal(seen.statuses.at(-1), 'disconnected');
    assert.equal(FakeSocket.all.length, 2);
  } finally {
    for (const name of names) delete globalThis[name];
  }
});
