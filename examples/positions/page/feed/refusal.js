// The reason why an upgrade failed. A browser tells a page only that it did (close 1006), so the page asks the same address over HTTP.

/** Longest wait for an answer. */
const ANSWER_MS = 10_000;

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
export async function askWhy(address, signal) {
  const request = new AbortController();
  const abort = () => request.abort();
  const timer = setTimeout(abort, ANSWER_MS);
  signal.addEventListener('abort', abort);
  try {
    const options = /** @type {const} */ ({ cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' });
    const { status, headers } = await fetch(address, { ...options, signal: request.signal });
    const seconds = Number(headers.get('retry-after') ?? 0);
    return { status, retryAfterMs: seconds > 0 ? seconds * 1000 : 0 };
  } catch {
    return { status: 0, retryAfterMs: 0 };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    request.abort();
  }
}
