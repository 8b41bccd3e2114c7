import type { FeedError } from './error.js';
import type { FeedStatus } from './feed.js';
import type { LivePosition } from './positions.js';
import type { Schedule } from './schedule.js';
import type { SessionProvider } from './session.js';
export type LiveState = {
    /**
     * the last known positions, also while the connection is lost
     */
    positions: readonly LivePosition[];
    isConnected: boolean;
    status: FeedStatus;
    /**
     * reason why the feed stopped by itself
     */
    error: FeedError | null;
};
export type LiveOptions = {
    /**
     * address of the gateway, and a token: asked before each connection
     */
    session: SessionProvider;
    /**
     * when queued prices are applied; before the next frame by default
     */
    schedule?: Schedule;
};
/** @import { FeedError } from './error.js' */
/** @import { FeedStatus } from './feed.js' */
/** @import { LivePosition } from './positions.js' */
/** @import { Schedule } from './schedule.js' */
/** @import { SessionProvider } from './session.js' */
/**
 * State to show. Each change makes another object, so that `===` tells whether there was one.
 *
 * @typedef {object} LiveState
 * @property {readonly LivePosition[]} positions the last known positions, also while the connection is lost
 * @property {boolean} isConnected
 * @property {FeedStatus} status
 * @property {FeedError | null} error reason why the feed stopped by itself
 */
/**
 * @typedef {object} LiveOptions
 * @property {SessionProvider} session address of the gateway, and a token: asked before each connection
 * @property {Schedule} [schedule] when queued prices are applied; before the next frame by default
 */
/** State of an agent that nobody watches. @type {LiveState} */
export declare const OFFLINE: LiveState;
/** Positions of one agent, kept up to date by its feed. */
export declare class LivePositions {
    #private;
    /**
     * @param {string} agentId
     * @param {LiveOptions} options
     */
    constructor(agentId: string, { session, schedule }: LiveOptions);
    /** Connects, unless an attempt or a connection is under way. */
    connect(): void;
    /** Closes the connection and stops reconnecting. The positions stay. */
    disconnect(): void;
    /** Ends it: no listener is called any more. */
    close(): void;
    /** The present state. */
    getState(): LiveState;
    /**
     * Calls a listener after each change, until the returned function is called.
     *
     * @param {() => void} listener
     * @returns {() => void}
     */
    subscribe(listener: () => void): () => void;
}
