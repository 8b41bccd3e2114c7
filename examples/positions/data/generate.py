#!/usr/bin/env python3
"""Writes assets.csv and prices.csv beside this file: the same ones every time.

Two hundred assets, and how their prices move in 120 steps, a tenth of them in each. The last two assets have no price at all.
"""
import pathlib
import random

ASSETS, STEPS, MOVES, UNPRICED = 200, 120, 20, 2
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SYLLABLES = ["BO", "KA", "LU", "MI", "NO", "PE", "RA", "SO", "TU", "VE", "WI", "XA", "ZO"]

here = pathlib.Path(__file__).parent
dice = random.Random(4)

symbols = []
while len(symbols) < ASSETS:
    symbol = "".join(dice.choice(SYLLABLES) for _ in range(dice.choice([2, 2, 3])))
    if symbol not in symbols:
        symbols.append(symbol)
addresses = ["".join(dice.choice(ALPHABET) for _ in range(32)) for _ in symbols]
prices = [10 ** dice.uniform(-6, 0) for _ in symbols]

with open(here / "assets.csv", "w", newline="\n") as file:
    file.write("address,symbol,price\n")
    for asset, (address, symbol, price) in enumerate(zip(addresses, symbols, prices)):
        quote = f"{price:.9f}" if asset < ASSETS - UNPRICED else ""
        file.write(f"{address},{symbol},{quote}\n")

with open(here / "prices.csv", "w", newline="\n") as file:
    file.write("step,asset,price\n")
    for step in range(STEPS):
        # The first ones have positions, so they move in every step.
        moved = list(range(4)) + sorted(dice.sample(range(4, ASSETS), MOVES - 4))
        for asset in moved:
            prices[asset] *= 1 + dice.gauss(0, 0.02)
            if asset < ASSETS - UNPRICED:
                file.write(f"{step},{asset},{prices[asset]:.9f}\n")
