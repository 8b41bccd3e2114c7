/** Time until the gateway's `connected`: an attempt that takes longer counts as failed. */
export declare const OPENING_MS = 20000;
/** Longest silence. The gateway pings every 30 seconds, so a connection is gone after two and a half intervals without a message. */
export declare const SILENCE_MS = 75000;
/** Close code of a connection that broke. */
export declare const BROKEN = 1006;
export type FeedMessage = {
    type: string;
    data?: any;
};
export type SocketEnd = {
    code: number;
    reason: string;
    /**
     * true if the gateway said `connected` before
     */
    hasConnected: boolean;
};
/**
 * Message of the gateway. Payloads are in `data`.
 *
 * @typedef {{ type: string, data?: any }} FeedMessage
 */
/**
 * End of a socket.
 *
 * @typedef {object} SocketEnd
 * @property {number} code
 * @property {string} reason
 * @property {boolean} hasConnected true if the gateway said `connected` before
 */
/**
 * Opens a socket, answers pings, and hands all other messages on. The promise is fulfilled when the socket has ended; it is rejected if there can
 * be no socket of this address.
 *
 * @param {string} address with the token, which no error repeats
 * @param {AbortSignal} signal closes the socket; nothing is handed on after that
 * @param {(message: FeedMessage) => void} onMessage
 * @returns {Promise<SocketEnd>}
 */
export declare function listen(address: string, signal: AbortSignal, onMessage: (message: FeedMessage) => void): Promise<SocketEnd>;
