// Problems at their fields. A problem whose field does not exist, such as one within a text of JSON, is shown at the nearest field around
// it, with its path in front.

import { pointerTo, pointerTokens } from '../json';
import type { Problem } from './assemble';
import type { Entry, Node, Slot } from './node';

/** The messages at each field's pointer. */
export type PlacedProblems = ReadonlyMap<string, readonly string[]>;

export const NO_PROBLEMS: PlacedProblems = new Map();

export function placeProblems(root: Node, problems: readonly Problem[]): PlacedProblems {
  const placed = new Map<string, string[]>();
  for (const { pointer, message } of problems) {
    const tokens = pointerTokens(pointer);
    const depth = shownDepth(root, tokens);
    const field = tokens.slice(0, depth).reduce(pointerTo, '');
    const rest = tokens.slice(depth).join('.');
    const text = rest === '' ? message : `${rest}: ${message}`;
    const there = placed.get(field) ?? [];
    if (!there.includes(text)) placed.set(field, [...there, text]);
  }
  return placed;
}

/** The number of tokens that lead to a field that the form shows. */
function shownDepth(root: Node, tokens: readonly string[]): number {
  let node: Node | null = root;
  let isTagged = false;
  for (const [depth, token] of tokens.entries()) {
    while (node?.kind === 'choice') {
      isTagged = true;
      node = node.node;
    }
    if (node === null) return depth;
    if (node.kind === 'list') {
      const item: Node | undefined = node.items[Number(token)];
      if (item === undefined) return depth;
      node = item;
    } else if (node.kind === 'object') {
      const slot: Slot | undefined = node.slots.find(({ member }) => member.name === token);
      const entry: Entry | undefined = node.entries.find(({ name }) => name === token);
      if (slot === undefined && entry === undefined) return depth;
      // The constants of a variant are chosen with it and have no field of their own.
      if (isTagged && slot?.member.isRequired === true && slot.member.shape().kind === 'constant') return depth;
      node = slot === undefined ? (entry?.node ?? null) : slot.node;
    } else {
      return depth;
    }
    isTagged = false;
  }
  return tokens.length;
}
