export type Refusal = {
    /**
     * 401: the token is refused; 404: no such agent; 429: too many requests; 426: all is well; 0: no answer, or none that the
     * page may read
     */
    status: number;
    /**
     * pause that the gateway asks for; 0 without one
     */
    retryAfterMs: number;
};
/**
 * Answer to a request for the feed without an upgrade.
 *
 * @typedef {object} Refusal
 * @property {number} status 401: the token is refused; 404: no such agent; 429: too many requests; 426: all is well; 0: no answer, or none that the
 *   page may read
 * @property {number} retryAfterMs pause that the gateway asks for; 0 without one
 */
/**
 * Asks why a connection was refused.
 *
 * @param {string} address
 * @param {AbortSignal} signal
 * @returns {Promise<Refusal>}
 */
export declare function askWhy(address: string, signal: AbortSignal): Promise<Refusal>;
