import type { LiveOptions, LiveState } from './live-positions.js';
export type Hooks = {
    useCallback: <T extends (...args: any[]) => any>(callback: T, inputs: readonly unknown[]) => T;
    useSyncExternalStore: <T>(subscribe: (listener: () => void) => () => void, getState: () => T, getServerState: () => T) => T;
};
export type WebSocketState = LiveState & FeedControl;
export type FeedControl = {
    /**
     * connects again after `disconnect()`, or after the feed stopped by itself; ends a pause before the next attempt
     */
    connect: () => void;
    /**
     * closes the connection and stops reconnecting; the positions stay
     */
    disconnect: () => void;
};
export type UseWebSocket = {
    /**
     * watches an agent as long as the component is mounted; `null` watches none
     */
    useWebSocket: (agentId: string | null) => WebSocketState;
    /**
     * sets where the gateway is, for feeds that begin from now on; call it before rendering
     */
    configure: (options: LiveOptions) => void;
};
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
export declare function createUseWebSocket({ useCallback, useSyncExternalStore }: Hooks): UseWebSocket;
