export type Schedule = (flush: () => void) => () => void;
/**
 * Schedule of a batch: calls `flush` once, later, and returns a function that cancels that.
 *
 * @typedef {(flush: () => void) => () => void} Schedule
 */
/**
 * Flushes before the browser draws its next frame, or after 250 ms if it draws none.
 *
 * @type {Schedule}
 */
export declare function nextFrame(flush: () => void): () => void;
