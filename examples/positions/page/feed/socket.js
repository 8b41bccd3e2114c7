// One WebSocket of the feed, from its opening to its end.

import { FeedError } from './error.js';

/** Time until the gateway's `connected`: an attempt that takes longer counts as failed. */
export const OPENING_MS = 20_000;

/** Longest silence. The gateway pings every 30 seconds, so a connection is gone after two and a half intervals without a message. */
export const SILENCE_MS = 75_000;

/** Close code of a connection that broke. */
export const BROKEN = 1006;

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
export function listen(address, signal, onMessage) {
  return new Promise((resolve, reject) => {
    const socket = open(address);
    if (socket instanceof FeedError) return reject(socket);
    let hasConnected = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @param {number} code @param {string} reason */
    const end = (code, reason) => {
      clearTimeout(timer);
      socket.onmessage = socket.onclose = null;
      signal.removeEventListener('abort', leave);
      resolve({ code, reason, hasConnected });
    };
    // A broken socket may take long to close, or never do: its end is not waited for.
    const leave = () => {
      socket.close();
      end(BROKEN, '');
    };
    /** @param {number} ms */
    const expectWithin = (ms) => {
      clearTimeout(timer);
      timer = setTimeout(leave, ms);
    };
    socket.onclose = ({ code, reason }) => end(code, reason);
    socket.onmessage = ({ data }) => {
      const message = parse(data);
      hasConnected ||= message?.type === 'connected';
      if (hasConnected) expectWithin(SILENCE_MS);
      if (message?.type === 'ping') answerPing(socket);
      else if (message !== undefined) onMessage(message);
    };
    signal.addEventListener('abort', leave);
    expectWithin(OPENING_MS);
  });
}

/**
 * @param {string} address
 * @returns {WebSocket | FeedError}
 */
function open(address) {
  try {
    return new WebSocket(address);
  } catch {
    // The browser's own error repeats the address with the token.
    return new FeedError('invalid_session', `the browser opens no WebSocket to ${new URL(address).host} from this page`);
  }
}

/** @param {WebSocket} socket */
function answerPing(socket) {
  // A socket that is closing takes nothing any more, and says so in the console only.
  socket.send(JSON.stringify({ type: 'pong', timestamp: new Date().toISOString() }));
}

/**
 * Reads a message. Messages that are no JSON object with a `type` are ignored.
 *
 * @param {unknown} text
 * @returns {FeedMessage | undefined}
 */
function parse(text) {
  try {
    const message = JSON.parse(String(text));
    return typeof message?.type === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
