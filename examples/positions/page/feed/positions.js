// Positions: the open positions of an agent, as its messages tell, with prices applied in batches. No browser and no network in here.

import { nextFrame } from './schedule.js';

/** @import { Schedule } from './schedule.js' */
/** @import { FeedMessage } from './socket.js' */

/**
 * Open position at the latest price.
 *
 * @typedef {object} LivePosition
 * @property {string} id
 * @property {string} [walletAddress] the wallet that holds it
 * @property {string} tokenAddress
 * @property {string} [tokenSymbol] any text: show it as text, never as HTML
 * @property {number} amount number of tokens
 * @property {number} purchasePrice price of one token when it was bought, in SOL
 * @property {number | null} [stopLoss] price at or below which the position is closed
 * @property {number | null} [takeProfit] price at or above which the position is closed
 * @property {number} currentPrice price of one token, in SOL; the purchase price while no price is known
 * @property {number} currentPriceUsd the same in dollars; 0 while no price is known
 * @property {number} profitLoss in SOL
 * @property {number} profitLossPercent of the purchase price
 */

/**
 * Price of a token, as `price_update_batch` has it.
 *
 * @typedef {object} PriceUpdate
 * @property {string} tokenAddress
 * @property {number} price in SOL
 * @property {number} priceUsd in dollars
 */

/** Open positions of one agent. Changes are published in batches: once for each frame, however many messages came. */
export class Positions {
  /** Positions by id, in the order in which they were opened. @type {Map<string, LivePosition>} */
  #byId = new Map();
  /** Latest price of each token since the last batch. @type {Map<string, PriceUpdate>} */
  #queue = new Map();
  /** Latest price of each token that is held. @type {Map<string, PriceUpdate>} */
  #prices = new Map();
  /** @type {readonly LivePosition[]} */
  #published = [];
  /** True if positions differ from the published ones. */
  #isChanged = false;
  /** Cancels the batch that is scheduled. @type {(() => void) | undefined} */
  #cancel;
  #onChange;
  #schedule;

  /**
   * @param {() => void} onChange called after each batch that changed something
   * @param {Schedule} [schedule] when batches are applied; before the next frame by default
   */
  constructor(onChange, schedule = nextFrame) {
    this.#onChange = onChange;
    this.#schedule = schedule;
  }

  /** The positions of the last batch: the same array until the next one. */
  get current() {
    return this.#published;
  }

  /**
   * Takes a message of the feed. A message that is taken twice does no harm, and one of another type is ignored.
   *
   * @param {FeedMessage} message
   */
  take({ type, data }) {
    switch (type) {
      case 'initial_data':
        if (Array.isArray(data?.positions)) this.#replace(data.positions);
        break;
      case 'position_update':
        this.#update(data ?? {});
        break;
      case 'price_update_batch':
        if (Array.isArray(data?.updates)) data.updates.forEach((/** @type {PriceUpdate} */ update) => this.#enqueue(update));
        break;
    }
  }

  /** Applies waiting prices now, and publishes the changes. */
  flush() {
    this.stop();
    this.#applyPrices();
    if (!this.#isChanged) return;
    this.#isChanged = false;
    this.#published = [...this.#byId.values()];
    this.#onChange();
  }

  /** Cancels the batch that is scheduled. */
  stop() {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /**
   * Takes a snapshot, which replaces all that is known. It is shown at once.
   *
   * @param {LivePosition[]} positions
   */
  #replace(positions) {
    // Prices that wait are older than the snapshot.
    this.#queue.clear();
    this.#prices.clear();
    this.#byId = new Map(positions.map((position) => [String(position.id), this.#priced(position)]));
    this.#isChanged = true;
    this.flush();
  }

  /** @param {{ eventType?: string, position?: LivePosition, positionId?: string }} update */
  #update({ eventType, position, positionId }) {
    if (eventType === 'position_closed') {
      if (!this.#byId.delete(String(positionId ?? position?.id))) return;
      this.#forgetPrices();
    } else if (position) {
      this.#byId.set(String(position.id), this.#priced(position));
    } else {
      return;
    }
    this.#isChanged = true;
    this.#flushLater();
  }

  /** @param {PriceUpdate} update */
  #enqueue(update) {
    if (!Number.isFinite(update?.price)) return;
    this.#queue.set(update.tokenAddress, update);
    this.#flushLater();
  }

  #applyPrices() {
    if (this.#queue.size === 0) return;
    for (const [id, position] of this.#byId) {
      const update = this.#queue.get(position.tokenAddress);
      if (update === undefined) continue;
      this.#prices.set(position.tokenAddress, update);
      this.#byId.set(id, at(position, update));
      this.#isChanged = true;
    }
    this.#queue.clear();
  }

  /**
   * Completes a position. An event may come without a price, or with the fallback for an unknown one, although a price is known here.
   *
   * @param {LivePosition} position
   * @returns {LivePosition}
   */
  #priced(position) {
    const { tokenAddress, purchasePrice, currentPrice, currentPriceUsd } = position;
    const own = { tokenAddress, price: currentPrice ?? purchasePrice, priceUsd: currentPriceUsd ?? 0 };
    if (own.priceUsd > 0) this.#prices.set(tokenAddress, own);
    return at(position, this.#prices.get(tokenAddress) ?? own);
  }

  /** Forgets prices of tokens that are not held any more: the gateway sends no further ones. */
  #forgetPrices() {
    const held = new Set([...this.#byId.values()].map(({ tokenAddress }) => tokenAddress));
    for (const token of this.#prices.keys()) if (!held.has(token)) this.#prices.delete(token);
  }

  #flushLater() {
    this.#cancel ??= this.#schedule(() => this.flush());
  }
}

/**
 * A position at a price.
 *
 * @param {LivePosition} position
 * @param {{ price: number, priceUsd: number }} price
 * @returns {LivePosition}
 */
function at(position, { price, priceUsd }) {
  const { amount, purchasePrice } = position;
  return {
    ...position,
    currentPrice: price,
    currentPriceUsd: priceUsd ?? 0,
    profitLoss: (price - purchasePrice) * amount,
    profitLossPercent: purchasePrice > 0 ? (price / purchasePrice - 1) * 100 : 0,
  };
}
