export type LiveOptions = import('./live-positions.js').LiveOptions;
export type LivePosition = import('./positions.js').LivePosition;
export type WebSocketState = import('./use-websocket.js').WebSocketState;
/** @typedef {import('./live-positions.js').LiveOptions} LiveOptions */
/** @typedef {import('./positions.js').LivePosition} LivePosition */
/** @typedef {import('./use-websocket.js').WebSocketState} WebSocketState */
export declare const useWebSocket: (agentId: string | null) => import("./use-websocket.js").WebSocketState, configure: (options: import("./live-positions.js").LiveOptions) => void;
