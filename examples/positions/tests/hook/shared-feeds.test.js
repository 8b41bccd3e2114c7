// The feeds of a page: one connection for each agent, however many components.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LivePositions, OFFLINE } from '../../page/feed/live-positions.js';
import { SharedFeeds } from '../../page/feed/shared-feeds.js';
import { FakeSocket, install, last, pass, position, settle } from './fakes.js';

beforeEach(install);

/** Options that count sessions. */
const asked = { sessions: 0 };

function options() {
  asked.sessions = 0;
  return {
    session: () => {
      asked.sessions += 1;
      return { url: 'ws://gateway.test/ws', token: 't' };
    },
    schedule: (flush) => {
      const timer = setTimeout(flush, 16);
      return () => clearTimeout(timer);
    },
  };
}

function feeds() {
  const feeds = new SharedFeeds();
  feeds.configure(options());
  return feeds;
}

test('components that watch the same agent share a connection', async () => {
  const shared = feeds();
  const leave = [shared.subscribe('a', () => {}), shared.subscribe('a', () => {})];
  shared.subscribe('b', () => {});
  await settle();
  assert.deepEqual(FakeSocket.all.map(({ url }) => url.searchParams.get('agentId')), ['a', 'b']);
  leave[0]();
  leave[0]();
  await settle();
  assert.equal(FakeSocket.all[0].isClosed, false);
  leave[1]();
  await settle();
  assert.equal(FakeSocket.all[0].isClosed, true);
  assert.equal(shared.getState('a'), OFFLINE);
  assert.equal(FakeSocket.all[1].isClosed, false);
});

test('an effect that runs twice leaves one connection', async () => {
  const shared = feeds();
  shared.subscribe('a', () => {})();
  shared.subscribe('a', () => {});
  await settle();
  assert.equal(asked.sessions, 1);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(last().isClosed, false);
});

test('listeners are not called after close()', async () => {
  const live = new LivePositions('a', options());
  let told = 0;
  live.subscribe(() => (told += 1));
  live.connect();
  await settle();
  last().connected();
  last().snapshot(position('1'));
  last().receive({ type: 'position_update', data: { eventType: 'position_closed', positionId: '1' } });
  const before = told;
  live.close();
  await pass(600_000);
  assert.equal(told, before);
  assert.equal(live.getState().positions.length, 1, 'a batch that waits is dropped');
});

test('nothing is told after the end', async () => {
  const shared = feeds();
  let told = 0;
  const leave = shared.subscribe('a', () => (told += 1));
  await settle();
  last().connected();
  last().snapshot(position('1'));
  last().receive({ type: 'price_update_batch', data: { updates: [{ tokenAddress: 'token-1', price: 3, priceUsd: 450 }] } });
  const socket = last();
  leave();
  const before = told;
  await settle();
  socket.receive({ type: 'initial_data', data: { positions: [] } });
  socket.end(1006);
  await pass(600_000);
  assert.equal(told, before);
  assert.equal(FakeSocket.all.length, 1);
});

test('positions stay while the connection is lost, and isConnected is false', async () => {
  const shared = feeds();
  shared.subscribe('a', () => {});
  await settle();
  last().connected();
  last().snapshot(position('1'));
  assert.deepEqual([shared.getState('a').isConnected, shared.getState('a').positions.length], [true, 1]);
  last().end(1000, 'Server shutdown');
  await settle();
  const { isConnected, status, positions } = shared.getState('a');
  assert.deepEqual([isConnected, status, positions.length], [false, 'reconnecting', 1]);
  await pass(500);
  last().connected();
  last().snapshot(position('2'));
  assert.deepEqual(shared.getState('a').positions.map(({ id }) => id), ['2']);
});

test('one state changes for any number of messages in a batch', async () => {
  const shared = feeds();
  let told = 0;
  shared.subscribe('a', () => (told += 1));
  await settle();
  last().connected();
  last().snapshot(position('1'));
  const before = told;
  for (let step = 1; step <= 500; step += 1) {
    last().receive({ type: 'price_update_batch', data: { updates: [{ tokenAddress: 'token-1', price: step, priceUsd: 1 }] } });
  }
  await pass(16);
  assert.equal(told, before + 1);
  assert.equal(shared.getState('a').positions[0].currentPrice, 500);
});

test('a hook that was not configured says so and does not throw', async () => {
  const shared = new SharedFeeds();
  shared.subscribe('a', () => {});
  await settle();
  const { status, error } = shared.getState('a');
  assert.deepEqual([status, error.code], ['stopped', 'not_configured']);
  assert.match(error.message, /configure\(\{ session \}\)/);
});

test('no agent is offline, and its buttons do nothing', () => {
  const shared = feeds();
  shared.connect(null);
  shared.disconnect(null);
  shared.connect('nobody watches it');
  assert.equal(shared.getState(null), OFFLINE);
  assert.equal(FakeSocket.all.length, 0);
});
