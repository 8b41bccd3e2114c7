// Schedules: when changes are shown.

/** Longest wait for a frame. A hidden tab draws none. */
const LONGEST_WAIT_MS = 250;

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
export function nextFrame(flush) {
  const run = () => {
    cancel();
    flush();
  };
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, LONGEST_WAIT_MS);
  const cancel = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
  return cancel;
}
