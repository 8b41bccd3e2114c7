/**
 * Calls `onLeave` when the page is left, and `onReturn` when the browser shows it again as it was. The browser keeps a page for that, frozen, and
 * an open socket with it: the gateway would think that somebody still watches. The returned function ends the calls.
 *
 * @param {() => void} onLeave
 * @param {() => void} onReturn
 * @returns {() => void}
 */
export declare function watchPage(onLeave: () => void, onReturn: () => void): () => void;
