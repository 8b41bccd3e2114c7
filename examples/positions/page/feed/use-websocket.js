// createUseWebSocket: the hook, for any library with the hooks of React.

import { OFFLINE } from './live-positions.js';
import { SharedFeeds } from './shared-feeds.js';

/** @import { LiveOptions, LiveState } from './live-positions.js' */

/**
 * Hooks that the hook is made of.
 *
 * @typedef {object} Hooks
 * @property {<T extends (...args: any[]) => any>(callback: T, inputs: readonly unknown[]) => T} useCallback
 * @property {<T>(subscribe: (listener: () => void) => () => void, getState: () => T, getServerState: () => T) => T} useSyncExternalStore
 */

/**
 * Connection of a component to the live feed of an agent.
 *
 * @typedef {LiveState & FeedControl} WebSocketState
 */

/**
 * @typedef {object} FeedControl
 * @property {() => void} connect connects again after `disconnect()`, or after the feed stopped by itself; ends a pause before the next attempt
 * @property {() => void} disconnect closes the connection and stops reconnecting; the positions stay
 */

/**
 * Hook with its configuration.
 *
 * @typedef {object} UseWebSocket
 * @property {(agentId: string | null) => WebSocketState} useWebSocket watches an agent as long as the component is mounted; `null` watches none
 * @property {(options: LiveOptions) => void} configure sets where the gateway is, for feeds that begin from now on; call it before rendering
 */

/**
 * Makes the hook for a library. Components that use the same hook share one connection for each agent.
 *
 * @param {Hooks} hooks
 * @returns {UseWebSocket}
 */
export function createUseWebSocket({ useCallback, useSyncExternalStore }) {
  const feeds = new SharedFeeds();

  /** @param {string | null} agentId */
  function useWebSocket(agentId) {
    const subscribe = useCallback(
      (/** @type {() => void} */ listener) => (agentId === null ? nothing : feeds.subscribe(agentId, listener)),
      [agentId],
    );
    const getState = useCallback(() => feeds.getState(agentId), [agentId]);
    const connect = useCallback(() => feeds.connect(agentId), [agentId]);
    const disconnect = useCallback(() => feeds.disconnect(agentId), [agentId]);
    const state = useSyncExternalStore(subscribe, getState, offline);
    return { ...state, connect, disconnect };
  }

  return { useWebSocket, configure: (options) => feeds.configure(options) };
}

const offline = () => OFFLINE;
const nothing = () => {};
