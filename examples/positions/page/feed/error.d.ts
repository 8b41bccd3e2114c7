export type FeedErrorCode = 'displaced' | 'unauthorized' | 'agent_not_found' | 'invalid_session' | 'not_configured';
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
export declare class FeedError extends Error {
    /** @type {FeedErrorCode} */
    code: FeedErrorCode;
    /**
     * @param {FeedErrorCode} code
     * @param {string} message text for people; it never has the token
     */
    constructor(code: FeedErrorCode, message: string);
}
