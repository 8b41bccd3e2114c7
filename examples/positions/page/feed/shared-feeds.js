// SharedFeeds: one feed for each agent, for all components of a page that show it.

import { FeedError } from './error.js';
import { LivePositions, OFFLINE } from './live-positions.js';

/** @import { LiveOptions, LiveState } from './live-positions.js' */

/**
 * Feeds of a page by agent. A gateway keeps one connection for each agent, so two components with a connection each would displace each other.
 */
export class SharedFeeds {
  /** @type {Map<string, { live: LivePositions, users: number }>} */
  #feeds = new Map();
  /** @type {LiveOptions} */
  #options = { session: notConfigured };

  /**
   * Sets the options of feeds that begin from now on.
   *
   * @param {LiveOptions} options
   */
  configure(options) {
    this.#options = { ...options };
  }

  /**
   * Watches an agent until the returned function is called. The first subscriber connects, and the feed ends after the last one.
   *
   * @param {string} agentId
   * @param {() => void} listener
   * @returns {() => void}
   */
  subscribe(agentId, listener) {
    const feed = this.#feeds.get(agentId) ?? this.#begin(agentId);
    feed.users += 1;
    const unsubscribe = feed.live.subscribe(listener);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      unsubscribe();
      feed.users -= 1;
      // Not at once: a component that takes over, or an effect that runs twice, subscribes before.
      queueMicrotask(() => this.#endUnused(agentId, feed));
    };
  }

  /** @param {string | null} agentId */
  getState(agentId) {
    return this.#live(agentId)?.getState() ?? OFFLINE;
  }

  /** @param {string | null} agentId */
  connect(agentId) {
    this.#live(agentId)?.connect();
  }

  /** @param {string | null} agentId */
  disconnect(agentId) {
    this.#live(agentId)?.disconnect();
  }

  /** @param {string | null} agentId */
  #live(agentId) {
    return agentId === null ? undefined : this.#feeds.get(agentId)?.live;
  }

  /** @param {string} agentId */
  #begin(agentId) {
    const feed = { live: new LivePositions(agentId, this.#options), users: 0 };
    this.#feeds.set(agentId, feed);
    feed.live.connect();
    return feed;
  }

  /**
   * @param {string} agentId
   * @param {{ live: LivePositions, users: number }} feed
   */
  #endUnused(agentId, feed) {
    if (feed.users > 0 || this.#feeds.get(agentId) !== feed) return;
    this.#feeds.delete(agentId);
    feed.live.close();
  }
}

/** @returns {never} */
function notConfigured() {
  throw new FeedError('not_configured', 'call `configure({ session })` before the first `useWebSocket`');
}
