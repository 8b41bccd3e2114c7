// The hook for React.

import { useCallback, useSyncExternalStore } from 'react';
import { createUseWebSocket } from './use-websocket.js';

/** @typedef {import('./live-positions.js').LiveOptions} LiveOptions */
/** @typedef {import('./positions.js').LivePosition} LivePosition */
/** @typedef {import('./use-websocket.js').WebSocketState} WebSocketState */

export const { useWebSocket, configure } = createUseWebSocket({ useCallback, useSyncExternalStore });
