// The page: positions of one agent, shown after each batch of changes.

import { LivePositions } from '/feed/live-positions.js';
import { show } from '/view.js';

/** The example's agent, by its slug. */
const AGENT = 'trader';

/** Asks the page's own server where the gateway is, and for a token. */
async function session({ signal }) {
  const answer = await fetch('/session', { cache: 'no-store', signal });
  if (!answer.ok) throw new Error(`no session: ${answer.status}`);
  return answer.json();
}

/** Names of assets whose positions have none. Until they are there, or without them, addresses are shown. */
const symbols = new Map();

async function loadSymbols() {
  const answer = await fetch('/assets');
  if (!answer.ok) return;
  for (const { tokenAddress, symbol } of await answer.json()) symbols.set(tokenAddress, symbol);
  update();
}

const live = new LivePositions(AGENT, { session });
const update = () => show(live.getState(), symbols);

live.subscribe(update);
document.getElementById('connect').addEventListener('click', () => live.connect());
document.getElementById('disconnect').addEventListener('click', () => live.disconnect());
live.connect();
loadSymbols().catch(() => {});
