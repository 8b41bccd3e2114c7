import type { LiveOptions, LiveState } from './live-positions.js';
/** @import { LiveOptions, LiveState } from './live-positions.js' */
/**
 * Feeds of a page by agent. A gateway keeps one connection for each agent, so two components with a connection each would displace each other.
 */
export declare class SharedFeeds {
    #private;
    /**
     * Sets the options of feeds that begin from now on.
     *
     * @param {LiveOptions} options
     */
    configure(options: LiveOptions): void;
    /**
     * Watches an agent until the returned function is called. The first subscriber connects, and the feed ends after the last one.
     *
     * @param {string} agentId
     * @param {() => void} listener
     * @returns {() => void}
     */
    subscribe(agentId: string, listener: () => void): () => void;
    /** @param {string | null} agentId */
    getState(agentId: string | null): LiveState;
    /** @param {string | null} agentId */
    connect(agentId: string | null): void;
    /** @param {string | null} agentId */
    disconnect(agentId: string | null): void;
}
