// Random values and random filling of forms, the same for the same seed.

import { JsonNumber, type Json } from '../../json';
import { newId, start, startFilled, startItem, type Node, type Slot } from '../node';
import { switchVariant } from '../variant';

/** A generator of numbers (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** A number from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

const TEXTS = ['', 'a', 'value', 'Point', 'two\nlines', 'ä/~"\\', '__proto__', '1'];
const NUMBERS = ['0', '-1', '1.5', '255', '9007199254740993', '1e400', '2.0'];
const NAMES = ['value', 'kind', 'type', 'needed', 'a', '', '0', '__proto__', 'name', 'Circle'];

export function anyJson(random: Random, depth = 0): Json {
  switch (random.below(depth > 3 ? 5 : 8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 1;
    case 2:
    case 3:
      return random.pick(TEXTS);
    case 4:
      return new JsonNumber(random.pick(NUMBERS));
    case 5:
      return Array.from({ length: random.below(4) }, () => anyJson(random, depth + 1));
    default:
      return new Map(Array.from({ length: random.below(4) }, () => [random.pick(NAMES), anyJson(random, depth + 1)]));
  }
}

/** Fills in a form as a person might: some members are left out, some lists are empty. */
export function fillAtRandom(node: Node, random: Random, depth = 0): Node {
  switch (node.kind) {
    case 'text':
      return { ...node, text: node.shape.format === 'plain' ? random.pick(TEXTS) : '2026-02-28' };
    case 'number':
      return { ...node, text: String(random.below(20)) };
    case 'boolean':
      return { ...node, value: random.below(2) === 1 };
    case 'options':
      return { ...node, index: random.below(node.shape.options.length) };
    case 'constant':
      return node;
    case 'null':
      return node.shape.kind === 'null' || random.below(2) === 0 ? node : fillAtRandom(startFilled(node.shape), random, depth + 1);
    case 'json':
      return { ...node, text: '{"a": [1]}' };
    case 'object': {
      const slots = node.slots.map((slot) => fillSlot(slot, random, depth));
      const open = node.shape.open[0];
      if (open === undefined || depth > 4) return { ...node, slots };
      const entry = { id: newId(), name: String(random.below(9)), node: fillAtRandom(startItem(open.shape()), random, depth + 1) };
      return { ...node, slots, entries: [entry] };
    }
    case 'list': {
      const items = node.items.map((item) => fillAtRandom(item, random, depth + 1));
      const { item, prefix } = node.shape;
      if (item !== null && items.length >= prefix.length && depth < 4 && random.below(3) > 0) items.push(fillAtRandom(startItem(item()), random, depth + 1));
      return { ...node, items };
    }
    case 'choice': {
      // Deep in a recursive type, the last variant is often one that ends it.
      const count = node.shape.variants.length;
      const chosen = switchVariant(node, depth > 4 ? count - 1 : random.below(count));
      return chosen.node === null || depth > 7 ? chosen : { ...chosen, node: fillAtRandom(chosen.node, random, depth + 1) };
    }
  }
}

function fillSlot(slot: Slot, random: Random, depth: number): Slot {
  const { member, node } = slot;
  if (!member.isRequired && (depth > 4 || random.below(2) === 0)) return slot;
  return { member, node: fillAtRandom(node ?? start(member.shape()), random, depth + 1) };
}
