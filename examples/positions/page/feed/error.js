// FeedError: the reason why a feed stopped and does not connect again by itself.

/**
 * Reason of a `FeedError`:
 *
 * - `displaced`: another page or window watches the agent now; a gateway keeps one connection for each agent
 * - `unauthorized`: the gateway refused two tokens in a row, or `session` answered `null`; sign in again
 * - `agent_not_found`: no such agent, or the user may not watch it
 * - `invalid_session`: `session` answered without a usable `url` or `token`
 * - `not_configured`: no `session` was configured
 *
 * @typedef {'displaced' | 'unauthorized' | 'agent_not_found' | 'invalid_session' | 'not_configured'} FeedErrorCode
 */

/** Reason why a feed stopped. `connect()` starts it again. */
export class FeedError extends Error {
  /**
   * @param {FeedErrorCode} code
   * @param {string} message text for people; it never has the token
   */
  constructor(code, message) {
    super(message);
    this.name = 'FeedError';
    /** @type {FeedErrorCode} */
    this.code = code;
  }
}
