// Page visits: a page that is left, and comes back.

/**
 * Calls `onLeave` when the page is left, and `onReturn` when the browser shows it again as it was. The browser keeps a page for that, frozen, and
 * an open socket with it: the gateway would think that somebody still watches. The returned function ends the calls.
 *
 * @param {() => void} onLeave
 * @param {() => void} onReturn
 * @returns {() => void}
 */
export function watchPage(onLeave, onReturn) {
  // Outside of a browser there is no page.
  if (typeof globalThis.addEventListener !== 'function') return () => {};
  /** @param {Event} event */
  const shown = (event) => {
    if (/** @type {PageTransitionEvent} */ (event).persisted) onReturn();
  };
  globalThis.addEventListener('pagehide', onLeave);
  globalThis.addEventListener('pageshow', shown);
  return () => {
    globalThis.removeEventListener('pagehide', onLeave);
    globalThis.removeEventListener('pageshow', shown);
  };
}
