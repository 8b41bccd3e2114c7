import type { Schedule } from './schedule.js';
import type { FeedMessage } from './socket.js';
export type LivePosition = {
    id: string;
    /**
     * the wallet that holds it
     */
    walletAddress?: string;
    tokenAddress: string;
    /**
     * any text: show it as text, never as HTML
     */
    tokenSymbol?: string;
    /**
     * number of tokens
     */
    amount: number;
    /**
     * price of one token when it was bought, in SOL
     */
    purchasePrice: number;
    /**
     * price at or below which the position is closed
     */
    stopLoss?: number | null;
    /**
     * price at or above which the position is closed
     */
    takeProfit?: number | null;
    /**
     * price of one token, in SOL; the purchase price while no price is known
     */
    currentPrice: number;
    /**
     * the same in dollars; 0 while no price is known
     */
    currentPriceUsd: number;
    /**
     * in SOL
     */
    profitLoss: number;
    /**
     * of the purchase price
     */
    profitLossPercent: number;
};
export type PriceUpdate = {
    tokenAddress: string;
    /**
     * in SOL
     */
    price: number;
    /**
     * in dollars
     */
    priceUsd: number;
};
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
export declare class Positions {
    #private;
    /**
     * @param {() => void} onChange called after each batch that changed something
     * @param {Schedule} [schedule] when batches are applied; before the next frame by default
     */
    constructor(onChange: () => void, schedule?: Schedule);
    /** The positions of the last batch: the same array until the next one. */
    get current(): readonly LivePosition[];
    /**
     * Takes a message of the feed. A message that is taken twice does no harm, and one of another type is ignored.
     *
     * @param {FeedMessage} message
     */
    take({ type, data }: FeedMessage): void;
    /** Applies waiting prices now, and publishes the changes. */
    flush(): void;
    /** Cancels the batch that is scheduled. */
    stop(): void;
}
