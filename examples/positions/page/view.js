// View: shows a state. Everything that comes over the network becomes text, never HTML.

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const percent = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'always' });
const signed = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, signDisplay: 'always' });

const TEXTS = {
  disconnected: 'Disconnected',
  connecting: 'Connecting…',
  connected: 'Live',
  reconnecting: 'Connection lost; trying again…',
};
const STOPPED = {
  displaced: 'Watched in another window',
  agent_not_found: 'There is no such agent',
  unauthorized: 'Signed out; sign in again',
};

const find = (id) => document.getElementById(id);
const rows = new Map();
/** Ticker items of tokens, with the price that they show. */
const quotes = new Map();

/** Shows a state; only elements that differ are touched. `symbols` has names of tokens by address. */
export function show({ positions, status, error }, symbols) {
  showStatus(status, error);
  showPositions(positions, symbols);
  showTicker(positions, symbols);
  const total = positions.reduce((sum, { profitLoss }) => sum + profitLoss, 0);
  write(find('open'), String(positions.length));
  write(find('count'), String(quotes.size));
  write(find('total'), `${signed.format(total)} SOL`, tone(total));
}

function showStatus(status, error) {
  const shown = find('status');
  if (shown.dataset.state !== status) shown.dataset.state = status;
  write(shown, TEXTS[status] ?? STOPPED[error?.code] ?? error?.message ?? status);
  const isOver = status === 'stopped' || status === 'disconnected';
  find('connect').hidden = !isOver;
  write(find('connect'), error?.code === 'displaced' ? 'Watch here' : 'Connect');
  find('disconnect').hidden = isOver;
}

function showPositions(positions, symbols) {
  const body = find('positions').tBodies[0];
  removeOthers(rows, new Set(positions.map(({ id }) => id)), (row) => row);
  for (const position of positions) {
    const row = rows.get(position.id) ?? newRow(position.id, body);
    const [token, amount, bought, price, stop, take, result] = row.cells;
    const symbol = symbolOf(position, symbols);
    write(token, symbol);
    token.title = symbol;
    write(amount, number.format(position.amount));
    write(bought, number.format(position.purchasePrice));
    write(price, number.format(position.currentPrice));
    write(stop, limit(position.stopLoss));
    write(take, limit(position.takeProfit));
    const shown = `${signed.format(position.profitLoss)} SOL (${percent.format(position.profitLossPercent)} %)`;
    write(result, shown, tone(position.profitLoss));
  }
  find('none').hidden = positions.length > 0;
}

function newRow(id, body) {
  const row = body.insertRow();
  row.dataset.position = id;
  const head = document.createElement('th');
  head.scope = 'row';
  row.append(head);
  for (let cell = 0; cell < 6; cell += 1) row.insertCell().className = 'number';
  rows.set(id, row);
  return row;
}

/** Shows the price of each token that is held, and whether it went up or down. */
function showTicker(positions, symbols) {
  const held = new Map(positions.map((position) => [position.tokenAddress, position]));
  removeOthers(quotes, held, ({ item }) => item);
  for (const [address, position] of held) {
    const quote = quotes.get(address) ?? newQuote(address, position.currentPrice);
    const name = symbolOf(position, symbols);
    write(quote.symbol, name);
    quote.symbol.title = name;
    // The price stands for as long as it is the same, and with it the direction in which it went.
    if (position.currentPrice !== quote.shown) quote.tone = tone(position.currentPrice - quote.shown);
    quote.shown = position.currentPrice;
    write(quote.price, number.format(position.currentPrice), `price ${quote.tone}`);
  }
}

function newQuote(address, shown) {
  const [item, symbol, price] = ['li', 'span', 'span'].map((name) => document.createElement(name));
  item.dataset.token = address;
  symbol.className = 'symbol';
  item.append(symbol, price);
  find('ticker').append(item);
  const quote = { item, symbol, price, shown, tone: '' };
  quotes.set(address, quote);
  return quote;
}

/** Removes elements whose key is not among `kept`. */
function removeOthers(shown, kept, elementOf) {
  for (const [key, entry] of shown) {
    if (kept.has(key)) continue;
    elementOf(entry).remove();
    shown.delete(key);
  }
}

function write(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== withNumber(element, className)) {
    element.className = withNumber(element, className);
  }
}

const withNumber = (element, className) => (element.tagName === 'TD' ? `number ${className}` : className);
const symbolOf = (position, symbols) => position.tokenSymbol ?? symbols.get(position.tokenAddress) ?? position.tokenAddress;
const limit = (price) => (price === null || price === undefined ? '–' : number.format(price));
const tone = (value) => (value > 0 ? 'gain' : value < 0 ? 'loss' : '');
