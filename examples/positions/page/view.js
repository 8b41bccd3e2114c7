// What is seen. Everything that comes over the network becomes text, never HTML.

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const percent = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'always' });
const signed = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, signDisplay: 'always' });

const find = (id) => document.getElementById(id);
const rows = new Map();
const quotes = new Map();

/** Shows how the connection is. */
export function showState(state, text) {
  const status = find('status');
  if (status.dataset.state === state && status.textContent === text) return;
  status.dataset.state = state;
  status.textContent = text;
  find('again').hidden = state !== 'ended';
}

/** Shows all of it; only what differs is touched. */
export function show({ positions, tokens }) {
  showPositions(positions, tokens);
  showTicker(tokens);
  let total = 0;
  for (const position of positions.values()) total += position.profitLoss;
  write(find('open'), String(positions.size));
  write(find('count'), String(tokens.size));
  write(find('total'), `${signed.format(total)} SOL`, tone(total));
}

function showPositions(positions, tokens) {
  const body = find('positions').tBodies[0];
  for (const [id, row] of rows) {
    if (!positions.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  for (const [id, position] of positions) {
    const row = rows.get(id) ?? newRow(id, body);
    const [token, amount, bought, price, stop, take, result] = row.cells;
    const symbol = position.tokenSymbol ?? tokens.get(position.tokenAddress)?.symbol ?? position.tokenAddress;
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
  find('none').hidden = positions.size > 0;
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

function showTicker(tokens) {
  for (const [address, { symbol, price, before }] of tokens) {
    const quote = quotes.get(address) ?? newQuote(address);
    write(quote.symbol, symbol);
    quote.symbol.title = symbol;
    write(quote.price, number.format(price), `price ${tone(price - before)}`);
  }
}

function newQuote(address) {
  const [item, symbol, price] = ['li', 'span', 'span'].map((name) => document.createElement(name));
  item.dataset.token = address;
  symbol.className = 'symbol';
  item.append(symbol, price);
  find('ticker').append(item);
  const quote = { symbol, price };
  quotes.set(address, quote);
  return quote;
}

function write(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== withNumber(element, className)) {
    element.className = withNumber(element, className);
  }
}

const withNumber = (element, className) => (element.tagName === 'TD' ? `number ${className}` : className);
const limit = (price) => (price === null || price === undefined ? '–' : number.format(price));
const tone = (value) => (value > 0 ? 'gain' : value < 0 ? 'loss' : '');
