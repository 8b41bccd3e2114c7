import { FeedError } from './error.js';
import type { SessionProvider } from './session.js';
import type { FeedMessage } from './socket.js';
export type FeedStatus = 'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'stopped';
export type FeedOptions = {
    /**
     * the agent to watch, by id or slug
     */
    agentId: string;
    session: SessionProvider;
    /**
     * gets all messages but pings
     */
    onMessage: (message: FeedMessage) => void;
    /**
     * gets each change of the status
     */
    onStatus: (status: FeedStatus, error: FeedError | null) => void;
};
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
export declare class Feed {
    #private;
    /** @param {FeedOptions} options */
    constructor(options: FeedOptions);
    /** Connects, or ends a pause between two attempts. Without effect while an attempt or a connection is under way. */
    connect(): void;
    /** Closes the connection, and stops reconnecting. */
    disconnect(): void;
}
