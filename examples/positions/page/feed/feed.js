// Feed: the connection to the live feed of one agent, made again when it ends.

import { FeedError } from './error.js';
import { watchPage } from './page-visits.js';
import { askWhy } from './refusal.js';
import { addresses } from './session.js';
import { BROKEN, OPENING_MS, listen } from './socket.js';

/** @import { SessionProvider } from './session.js' */
/** @import { FeedMessage, SocketEnd } from './socket.js' */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Close codes and reasons of the gateway. */
const DISPLACED = 'New connection established';
const AGENT_NOT_FOUND = 1008;
const TOKEN_ENDED = 4001;

/**
 * State of a feed:
 *
 * - `disconnected`: not started, or ended by `disconnect()`
 * - `connecting`: the first attempt after `connect()`
 * - `connected`: the gateway said `connected`
 * - `reconnecting`: the connection was lost or refused; the next attempt is under way or follows a pause
 * - `stopped`: ended by itself; `error` says why
 *
 * @typedef {'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'stopped'} FeedStatus
 */

/**
 * @typedef {object} FeedOptions
 * @property {string} agentId the agent to watch, by id or slug
 * @property {SessionProvider} session
 * @property {(message: FeedMessage) => void} onMessage gets all messages but pings
 * @property {(status: FeedStatus, error: FeedError | null) => void} onStatus gets each change of the status
 */

/** Connection to the live feed of one agent. It reconnects with pauses of 0.5 to 30 seconds until `disconnect()`. */
export class Feed {
  #options;
  /** @type {FeedStatus} */
  #status = 'disconnected';
  /** Aborted when the attempt, with the connection that it made, is given up. @type {AbortController | undefined} */
  #attempt;
  /** Ends the watch over the page's visits. @type {(() => void) | undefined} */
  #unwatchPage;
  /** Runs during a pause. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #pauseMs = FIRST_PAUSE_MS;
  /** True after a refused token, until another one is accepted. */
  #isTokenRefused = false;

  /** @param {FeedOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, or ends a pause between two attempts. Without effect while an attempt or a connection is under way. */
  connect() {
    if (this.#attempt !== undefined) return;
    clearTimeout(this.#timer);
    this.#unwatchPage ??= watchPage(() => this.#leave(), () => this.connect());
    const attempt = this.#begin();
    if (this.#status !== 'reconnecting') {
      this.#isTokenRefused = false;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#become('connecting');
    }
    this.#run(attempt);
  }

  /** Closes the connection, and stops reconnecting. */
  disconnect() {
    this.#abandon();
    this.#become('disconnected');
  }

  /** Closes the connection of a page that is left. A page that stays gone runs no further code. */
  #leave() {
    this.#abandon();
    this.#become('reconnecting');
  }

  #abandon() {
    clearTimeout(this.#timer);
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.abort();
  }

  #begin() {
    this.#attempt = new AbortController();
    return this.#attempt;
  }

  /** @param {AbortController} attempt */
  async #run(attempt) {
    const { signal } = attempt;
    const next = await this.#connection(signal).catch((/** @type {unknown} */ error) => error);
    // Another attempt, or none, is wanted by now.
    if (signal.aborted) return;
    this.#attempt = undefined;
    if (next instanceof FeedError) this.#become('stopped', next);
    else this.#retryIn(typeof next === 'number' ? next : this.#nextPause());
  }

  /**
   * Makes one connection and waits for its end.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<number>} the pause before the next one, in milliseconds
   */
  async #connection(signal) {
    signal.throwIfAborted();
    const { agentId, session } = this.#options;
    const request = { agentId, isTokenRefused: this.#isTokenRefused, signal };
    const { socket, http } = addresses(await withinDeadline(session(request)), agentId);
    signal.throwIfAborted();
    const end = await listen(socket, signal, (message) => this.#take(message));
    signal.throwIfAborted();
    if (end.reason === DISPLACED) throw new FeedError('displaced', 'the agent is watched in another window');
    if (end.code === AGENT_NOT_FOUND) throw notFound();
    if (end.code === TOKEN_ENDED) this.#refuseToken();
    const isUnexplained = end.code === BROKEN && !end.hasConnected;
    return isUnexplained ? this.#pauseAfterRefusal(http, signal) : this.#nextPause();
  }

  /**
   * @param {string} address
   * @param {AbortSignal} signal
   */
  async #pauseAfterRefusal(address, signal) {
    const { status, retryAfterMs } = await askWhy(address, signal);
    signal.throwIfAborted();
    if (status === 404) throw notFound();
    if (status === 401) {
      this.#refuseToken();
      return 0;
    }
    return Math.max(this.#nextPause(), retryAfterMs);
  }

  /** Notes a refused token. The second one in a row ends the feed: another token would be refused as well. */
  #refuseToken() {
    if (this.#isTokenRefused) throw new FeedError('unauthorized', 'the gateway refuses the token; sign in again');
    this.#isTokenRefused = true;
  }

  /** @param {FeedMessage} message */
  #take(message) {
    if (message.type === 'connected') {
      this.#isTokenRefused = false;
      this.#become('connected');
    }
    // Not at `connected`: a gateway that accepts and drops everybody must not be dialled twice a second.
    if (message.type === 'initial_data') this.#pauseMs = FIRST_PAUSE_MS;
    this.#options.onMessage(message);
  }

  /** Takes the next pause. It is random, so that the pages do not return all at once. */
  #nextPause() {
    const pause = this.#pauseMs * (0.5 + Math.random() / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    return pause;
  }

  /** @param {number} ms */
  #retryIn(ms) {
    this.#timer = setTimeout(() => this.#run(this.#begin()), ms);
    this.#become('reconnecting');
  }

  /**
   * @param {FeedStatus} status
   * @param {FeedError | null} [error]
   */
  #become(status, error = null) {
    if (this.#status === status && error === null) return;
    if (status === 'disconnected' || status === 'stopped') {
      this.#unwatchPage?.();
      this.#unwatchPage = undefined;
    }
    this.#status = status;
    this.#options.onStatus(status, error);
  }
}

function notFound() {
  return new FeedError('agent_not_found', 'there is no such agent that the user may watch');
}

/**
 * Waits for a session, but not for ever.
 *
 * @template T
 * @param {Promise<T> | T} answer
 * @returns {Promise<T>}
 */
async function withinDeadline(answer) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no session in time')), OPENING_MS);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
