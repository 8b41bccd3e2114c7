export type Session = {
    /**
     * the gateway's `/ws`, such as `wss://gateway.example.com/ws`; `https:` and paths of the page's own server work, too
     */
    url: string;
    /**
     * a token that may watch the agent
     */
    token: string;
};
export type SessionRequest = {
    /**
     * the agent to watch
     */
    agentId: string;
    /**
     * true if the gateway refused the last token: a cached token must be replaced
     */
    isTokenRefused: boolean;
    /**
     * aborted when the answer is not needed any more
     */
    signal: AbortSignal;
};
export type SessionProvider = (request: SessionRequest) => Promise<Session | null> | Session | null;
export type Addresses = {
    /**
     * for a WebSocket
     */
    socket: string;
    /**
     * the same over HTTP
     */
    http: string;
};
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
export declare function addresses(session: Session | null, agentId: string): Addresses;
