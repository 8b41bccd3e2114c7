// The positions: messages in, batches out.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Positions } from '../../page/feed/positions.js';
import { position } from './fakes.js';

/** Positions whose batches a test applies. */
function store() {
  const batches = { count: 0, flush: undefined, scheduled: 0 };
  const positions = new Positions(
    () => (batches.count += 1),
    (flush) => {
      batches.flush = flush;
      batches.scheduled += 1;
      return () => {};
    },
  );
  const take = (type, data) => positions.take({ type, data });
  const prices = (...updates) => take('price_update_batch', { updates });
  return { positions, batches, take, prices };
}

const price = (id, value) => ({ tokenAddress: `token-${id}`, price: value, priceUsd: value * 150 });

test('a snapshot is shown at once and replaces all that was known', () => {
  const { positions, batches, take } = store();
  take('initial_data', { positions: [position('1'), position('2')] });
  assert.deepEqual(positions.current.map(({ id }) => id), ['1', '2']);
  take('initial_data', { positions: [position('3')] });
  assert.deepEqual(positions.current.map(({ id }) => id), ['3']);
  assert.equal(batches.count, 2);
});

test('queued prices are applied as one change, the latest of each token', () => {
  const { positions, batches, take, prices } = store();
  take('initial_data', { positions: [position('1'), position('2')] });
  const before = positions.current;
  for (let step = 1; step <= 1000; step += 1) prices(price('1', step), price('2', step * 2));
  assert.equal(positions.current, before, 'nothing changes before the batch');
  assert.equal(batches.scheduled, 1);
  batches.flush();
  assert.equal(batches.count, 2);
  const [first, second] = positions.current;
  assert.deepEqual([first.currentPrice, first.currentPriceUsd, second.currentPrice], [1000, 150_000, 2000]);
  assert.deepEqual([first.profitLoss, first.profitLossPercent], [9980, 49_900]);
  assert.equal(before[0].currentPrice, 2, 'published positions are not changed');
});

test('prices that wait are older than a snapshot', () => {
  const { positions, take, prices } = store();
  take('initial_data', { positions: [position('1')] });
  prices(price('1', 9));
  take('initial_data', { positions: [position('1', { currentPrice: 4 })] });
  positions.flush();
  assert.equal(positions.current[0].currentPrice, 4);
});

test('prices of tokens that are not held change nothing', () => {
  const { positions, batches, take, prices } = store();
  take('initial_data', { positions: [position('1')] });
  const before = positions.current;
  prices(price('7', 3));
  batches.flush();
  assert.equal(positions.current, before);
  assert.equal(batches.count, 1);
});

test('positions are created, updated and closed, and twice does no harm', () => {
  const { positions, batches, take } = store();
  take('initial_data', { positions: [position('1')] });
  for (let time = 0; time < 2; time += 1) {
    take('position_update', { eventType: 'position_created', position: position('2') });
    take('position_update', { eventType: 'position_updated', position: position('1', { stopLoss: 1 }) });
    take('position_update', { eventType: 'position_closed', positionId: '3' });
  }
  batches.flush();
  assert.deepEqual(positions.current.map(({ id, stopLoss }) => [id, stopLoss]), [['1', 1], ['2', undefined]]);
  for (let time = 0; time < 2; time += 1) take('position_update', { eventType: 'position_closed', positionId: '1' });
  batches.flush();
  assert.deepEqual(positions.current.map(({ id }) => id), ['2']);
  assert.equal(batches.count, 3);
});

test('a position without a price shows its purchase price and no dollars until one comes', () => {
  const { positions, batches, take, prices } = store();
  take('initial_data', { positions: [{ id: '1', tokenAddress: 'token-1', amount: 10, purchasePrice: 2 }] });
  const [{ currentPrice, currentPriceUsd, profitLoss, profitLossPercent }] = positions.current;
  assert.deepEqual([currentPrice, currentPriceUsd, profitLoss, profitLossPercent], [2, 0, 0, 0]);
  prices(price('1', 3));
  batches.flush();
  assert.deepEqual([positions.current[0].currentPrice, positions.current[0].profitLoss], [3, 10]);
});

test('an event without a price keeps the price that is known', () => {
  const { positions, batches, take, prices } = store();
  take('initial_data', { positions: [position('1', { currentPrice: 5, currentPriceUsd: 750 })] });
  const update = (members) => {
    take('position_update', { eventType: 'position_updated', position: position('1', members) });
    batches.flush();
    return positions.current[0].currentPrice;
  };
  assert.equal(update({ currentPrice: undefined, currentPriceUsd: undefined }), 5);
  assert.equal(update({ currentPrice: 2, currentPriceUsd: 0 }), 5, 'the fallback for an unknown price');
  prices(price('1', 6));
  assert.equal(update({ currentPrice: undefined, currentPriceUsd: undefined }), 6);
  assert.equal(update({ currentPrice: 7, currentPriceUsd: 1050 }), 7);
});

test('the price of a token is forgotten with its last position', () => {
  const { positions, batches, take, prices } = store();
  take('initial_data', { positions: [position('1')] });
  prices(price('1', 9));
  batches.flush();
  take('position_update', { eventType: 'position_closed', positionId: '1' });
  const unpriced = position('1', { currentPrice: undefined, currentPriceUsd: undefined });
  take('position_update', { eventType: 'position_created', position: unpriced });
  batches.flush();
  assert.equal(positions.current[0].currentPrice, 2, 'the old price is long out of date');
});

test('messages of other types, or without their members, change nothing', () => {
  const { positions, batches, take } = store();
  take('initial_data', { positions: [position('1')] });
  const before = positions.current;
  for (const type of ['initial_data', 'position_update', 'price_update_batch', 'connected', 'error', 'other']) {
    for (const data of [undefined, null, {}, { positions: 1 }, { updates: 1 }, { updates: [null, {}] }, { eventType: 'position_created' }]) {
      take(type, data);
    }
  }
  batches.flush?.();
  assert.equal(positions.current, before);
});
