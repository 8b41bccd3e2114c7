// Sessions: the application's answer to "where is the feed, and with which token", and the addresses made of it.

import { FeedError } from './error.js';

/**
 * Address of the gateway's feed and a token for it.
 *
 * @typedef {object} Session
 * @property {string} url the gateway's `/ws`, such as `wss://gateway.example.com/ws`; `https:` and paths of the page's own server work, too
 * @property {string} token a token that may watch the agent
 */

/**
 * Question to a session provider.
 *
 * @typedef {object} SessionRequest
 * @property {string} agentId the agent to watch
 * @property {boolean} isTokenRefused true if the gateway refused the last token: a cached token must be replaced
 * @property {AbortSignal} signal aborted when the answer is not needed any more
 */

/**
 * Provider of sessions, asked before each connection. `null` says that nobody is signed in: the feed stops as `unauthorized`. A rejected promise
 * counts as an outage: the feed asks again, after longer and longer pauses.
 *
 * @typedef {(request: SessionRequest) => Promise<Session | null> | Session | null} SessionProvider
 */

/**
 * Addresses of an agent's feed. Both have the token in their query.
 *
 * @typedef {object} Addresses
 * @property {string} socket for a WebSocket
 * @property {string} http the same over HTTP
 */

/**
 * Makes the addresses of an agent's feed.
 *
 * @param {Session | null} session
 * @param {string} agentId
 * @returns {Addresses}
 * @throws {FeedError} The session is null or has no usable URL.
 */
export function addresses(session, agentId) {
  if (session === null) throw new FeedError('unauthorized', 'nobody is signed in');
  const { url, token } = session ?? {};
  if (typeof token !== 'string' || token === '') throw invalid('it has no `token`');
  const base = parse(url);
  base.searchParams.set('token', token);
  base.searchParams.set('agentId', agentId);
  base.hash = '';
  const isSecure = base.protocol === 'wss:' || base.protocol === 'https:';
  const rest = base.href.slice(base.protocol.length);
  return { socket: (isSecure ? 'wss:' : 'ws:') + rest, http: (isSecure ? 'https:' : 'http:') + rest };
}

/**
 * @param {unknown} url
 * @returns {URL}
 */
function parse(url) {
  const page = globalThis.location?.href;
  const parsed = typeof url === 'string' && url !== '' && URL.canParse(url, page) ? new URL(url, page) : undefined;
  if (parsed === undefined || !/^(ws|http)s?:$/.test(parsed.protocol)) {
    throw invalid('its `url` is not an address such as wss://gateway.example.com/ws');
  }
  return parsed;
}

/** @param {string} detail */
function invalid(detail) {
  return new FeedError('invalid_session', `the session cannot be used: ${detail}`);
}
