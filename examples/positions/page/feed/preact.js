// The hook for Preact.

import { useCallback, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import { createUseWebSocket } from './use-websocket.js';

/** @typedef {import('./live-positions.js').LiveOptions} LiveOptions */
/** @typedef {import('./positions.js').LivePosition} LivePosition */
/** @typedef {import('./use-websocket.js').WebSocketState} WebSocketState */

export const { useWebSocket, configure } = createUseWebSocket({ useCallback, useSyncExternalStore });

/**
 * Reads a store as React's hook of that name does; `preact/hooks` has none.
 *
 * @template T
 * @param {(listener: () => void) => () => void} subscribe
 * @param {() => T} getState
 * @returns {T}
 */
function useSyncExternalStore(subscribe, getState) {
  const [, renderAgain] = useReducer((/** @type {number} */ count) => count + 1, 0);
  const state = getState();
  const shown = useRef(state);
  useLayoutEffect(() => {
    shown.current = state;
  });
  useLayoutEffect(() => {
    const check = () => {
      if (getState() !== shown.current) renderAgain(undefined);
    };
    const unsubscribe = subscribe(check);
    check();
    return unsubscribe;
  }, [subscribe, getState]);
  return state;
}
