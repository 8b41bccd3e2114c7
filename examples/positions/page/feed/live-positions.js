// LivePositions: the feed of one agent and its positions, as one state to show.

import { Feed } from './feed.js';
import { Positions } from './positions.js';

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
export const OFFLINE = Object.freeze({ positions: Object.freeze([]), isConnected: false, status: 'disconnected', error: null });

/** Positions of one agent, kept up to date by its feed. */
export class LivePositions {
  #feed;
  #positions;
  #state = OFFLINE;
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /**
   * @param {string} agentId
   * @param {LiveOptions} options
   */
  constructor(agentId, { session, schedule }) {
    this.#positions = new Positions(() => this.#publish({ positions: this.#positions.current }), schedule);
    this.#feed = new Feed({
      agentId,
      session,
      onMessage: (message) => this.#positions.take(message),
      onStatus: (status, error) => this.#publish({ status, error, isConnected: status === 'connected' }),
    });
  }

  /** Connects, unless an attempt or a connection is under way. */
  connect() {
    this.#feed.connect();
  }

  /** Closes the connection and stops reconnecting. The positions stay. */
  disconnect() {
    this.#feed.disconnect();
  }

  /** Ends it: no listener is called any more. */
  close() {
    this.#listeners.clear();
    this.#positions.stop();
    this.#feed.disconnect();
  }

  /** The present state. */
  getState() {
    return this.#state;
  }

  /**
   * Calls a listener after each change, until the returned function is called.
   *
   * @param {() => void} listener
   * @returns {() => void}
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {Partial<LiveState>} change */
  #publish(change) {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
