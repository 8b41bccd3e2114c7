// What the page knows. No browser in here: messages go in, and what is shown comes out.

export class State {
  /** Positions by id, in the order in which they were opened. */
  positions = new Map();
  /** Tokens by address: their symbol, price, and the price before. */
  tokens = new Map();

  /** Takes how everything is: what was known of positions before is over. */
  setPositions(positions) {
    this.positions = new Map(positions.map((position) => [position.id, position]));
    for (const position of positions) this.#price(position.tokenAddress, position.currentPrice);
  }

  /** Takes what tokens are called, and their prices, unless newer ones came since they were asked for. */
  setTokens(tokens, moved) {
    for (const { tokenAddress, symbol, price } of tokens) {
      const known = this.tokens.get(tokenAddress);
      const isNewer = known !== undefined && moved.has(tokenAddress);
      this.tokens.set(tokenAddress, isNewer ? { ...known, symbol } : { symbol, price, before: known?.price ?? price });
    }
  }

  /** Takes what happened to a position. Taking it twice does no harm. */
  updatePosition({ eventType, position, positionId }) {
    if (eventType === 'position_closed') {
      this.positions.delete(positionId);
    } else if (position) {
      const { price } = this.tokens.get(position.tokenAddress) ?? {};
      this.positions.set(position.id, price === undefined ? position : at(position, price));
    }
  }

  /** Takes prices, and works out what positions are worth. */
  setPrices(updates) {
    for (const { tokenAddress, price } of updates) this.#price(tokenAddress, price);
    const changed = new Set(updates.map((update) => update.tokenAddress));
    for (const [id, position] of this.positions) {
      if (changed.has(position.tokenAddress)) {
        this.positions.set(id, at(position, this.tokens.get(position.tokenAddress).price));
      }
    }
  }

  #price(address, price) {
    const known = this.tokens.get(address);
    this.tokens.set(address, { symbol: known?.symbol ?? address, price, before: known?.price ?? price });
  }
}

/** A position at a price. */
function at(position, price) {
  return {
    ...position,
    currentPrice: price,
    profitLoss: (price - position.purchasePrice) * position.amount,
    profitLossPercent: (price / position.purchasePrice - 1) * 100,
  };
}
