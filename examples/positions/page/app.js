// Snapshot, then updates. Prices are queued and shown once for each frame, however many batches come meanwhile.

import { Feed } from '/feed.js';
import { State } from '/state.js';
import { show, showState } from '/view.js';

const state = new State();
/** The latest price of each token that is not shown yet. */
const queue = new Map();
let frame;

function schedule() {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    state.setPrices([...queue.values()]);
    queue.clear();
    show(state);
  });
}

function take({ type, data }) {
  switch (type) {
    case 'initial_data':
      // What waits is older.
      for (const { tokenAddress } of data.positions) queue.delete(tokenAddress);
      state.setPositions(data.positions);
      askForTokens();
      break;
    case 'position_update':
      state.updatePosition(data);
      break;
    case 'price_update_batch':
      for (const update of data.updates) {
        queue.set(update.tokenAddress, update);
        moved.add(update.tokenAddress);
      }
      break;
    case 'error':
      console.warn(data.message);
      break;
  }
  schedule();
}

/** The tokens whose prices came since the others were asked for. */
let moved = new Set();

/** What tokens are called, and the prices of those that did not move since. */
async function askForTokens() {
  const since = (moved = new Set());
  try {
    state.setTokens(await (await fetch('/tokens')).json(), since);
    schedule();
  } catch {
    // The connection is likely gone, too; the next snapshot asks again.
  }
}

const feed = new Feed(take, showState);
document.getElementById('again').addEventListener('click', () => feed.connect());
feed.connect();
