// The state of a form: a tree of nodes, each the value of one field as its control has it. Nodes are never changed, only replaced, and keep
// their `id` when they move within a list, so that the focus stays where it is.
//
// Any JSON can be loaded: a value that its shape has no control for becomes a `JsonNode`. So `assemble(load(shape, value))` is `value`.

import { equal, isNumberText, JsonNumber, parse, write, type Json } from '../json';
import { bestVariant } from './fit';
import type { Member, Shape, ShapeOf } from './shape';

interface NodeOf<K extends Shape['kind']> {
  readonly id: number;
  readonly kind: K;
  readonly shape: ShapeOf<K>;
}

/** A text; null is left out, which an empty text is not. */
export interface TextNode extends NodeOf<'text'> {
  readonly text: string | null;
}
/** A number as it was typed; an empty text is left out. */
export interface NumberNode extends NodeOf<'number'> {
  readonly text: string;
}
export interface BooleanNode extends NodeOf<'boolean'> {
  readonly value: boolean | null;
}
export interface OptionsNode extends NodeOf<'options'> {
  readonly index: number | null;
}
export interface ConstantNode extends NodeOf<'constant'> {
  readonly isSet: boolean;
}
export interface ObjectNode extends NodeOf<'object'> {
  readonly slots: readonly Slot[];
  readonly entries: readonly Entry[];
}
export interface ListNode extends NodeOf<'list'> {
  readonly items: readonly Node[];
}
export interface ChoiceNode extends NodeOf<'choice'> {
  readonly index: number | null;
  readonly node: Node | null;
}
/** The value null, of a shape that has other values as well. */
export interface NullNode {
  readonly id: number;
  readonly kind: 'null';
  readonly shape: Shape;
}
/** A value as the text of its JSON; an empty text is left out. */
export interface JsonNode {
  readonly id: number;
  readonly kind: 'json';
  readonly shape: Shape;
  readonly text: string;
}

export type Node =
  | TextNode
  | NumberNode
  | BooleanNode
  | OptionsNode
  | ConstantNode
  | ObjectNode
  | ListNode
  | ChoiceNode
  | NullNode
  | JsonNode;

/** The place of a declared member. Without a node, it is a group or a list that is left out. */
export interface Slot {
  readonly member: Member;
  readonly node: Node | null;
}

/** A member whose name is not declared. */
export interface Entry {
  readonly id: number;
  readonly name: string;
  readonly node: Node;
}

// A form that starts deeper than this would never end: each level requires the next one.
const MAX_START_DEPTH = 12;
// Items a list may start with. A longer minimum is met by the person.
const MAX_START_ITEMS = 8;
// A longer list is edited as JSON. Its controls would fill many screens, and each of them costs time.
const MAX_ITEMS = 200;

let lastId = 0;

export function newId(): number {
  lastId += 1;
  return lastId;
}

/** The value of a new form. */
export function startForm(shape: Shape): Node {
  return shape.kind === 'any' ? json(shape, '{}') : start(shape, 0);
}

/** The value of a member that must be there, or of a new item. */
export function start(shape: Shape, depth = 0): Node {
  if (shape.standard !== undefined) return load(shape, shape.standard);
  if (shape.isNullable) return { id: newId(), kind: 'null', shape };
  return startFilled(shape, depth);
}

/** The same, but not null. */
export function startFilled(shape: Shape, depth = 0): Node {
  if (depth > MAX_START_DEPTH) return json(shape, '');
  switch (shape.kind) {
    case 'constant':
      return { id: newId(), kind: 'constant', shape, isSet: true };
    case 'object': {
      const slots = shape.members.map((member) => ({ member, node: member.isRequired ? start(member.shape(), depth + 1) : absent(member) }));
      return { id: newId(), kind: 'object', shape, slots, entries: [] };
    }
    case 'list': {
      const items = shape.prefix.map((item) => start(item(), depth + 1));
      const missing = Math.min(shape.min - items.length, MAX_START_ITEMS);
      for (let index = 0; index < missing && shape.item !== null; index += 1) items.push(startItem(shape.item(), depth + 1));
      return { id: newId(), kind: 'list', shape, items };
    }
    default:
      return unset(shape);
  }
}

/** A new item of a list or entry of a map. Its text is empty and not left out: an item has no place to be left out from. */
export function startItem(shape: Shape, depth = 0): Node {
  const node = start(shape, depth);
  return node.kind === 'text' && node.text === null ? { ...node, text: '' } : node;
}

/** A member that is left out. */
export function absent(member: Member): Node | null {
  const shape = member.shape();
  switch (shape.kind) {
    case 'object':
    case 'list':
    case 'choice':
    case 'any':
    case 'null':
      return null;
    case 'constant':
      return { id: newId(), kind: 'constant', shape, isSet: false };
    default:
      return unset(shape);
  }
}

function unset(shape: Shape): Node {
  const id = newId();
  switch (shape.kind) {
    case 'text':
      return { id, kind: 'text', shape, text: null };
    case 'number':
      return { id, kind: 'number', shape, text: '' };
    case 'boolean':
      return { id, kind: 'boolean', shape, value: null };
    case 'options':
      return { id, kind: 'options', shape, index: null };
    case 'choice':
      return { id, kind: 'choice', shape, index: null, node: null };
    case 'null':
      return { id, kind: 'null', shape };
    default:
      return { id, kind: 'json', shape, text: '' };
  }
}

export function json(shape: Shape, text: string): JsonNode {
  return { id: newId(), kind: 'json', shape, text };
}

/** The form of a value. */
export function load(shape: Shape, value: Json): Node {
  const id = newId();
  if (value === null && (shape.isNullable || shape.kind === 'null')) return { id, kind: 'null', shape };
  switch (shape.kind) {
    case 'text':
      if (typeof value === 'string') return { id, kind: 'text', shape, text: value };
      break;
    case 'number':
      if (value instanceof JsonNumber) return { id, kind: 'number', shape, text: value.text };
      break;
    case 'boolean':
      if (typeof value === 'boolean') return { id, kind: 'boolean', shape, value };
      break;
    case 'options': {
      const index = shape.options.findIndex((option) => equal(option.value, value));
      if (index >= 0) return { id, kind: 'options', shape, index };
      break;
    }
    case 'constant':
      if (equal(shape.value, value)) return { id, kind: 'constant', shape, isSet: true };
      break;
    case 'object':
      if (value instanceof Map) return loadObject(id, shape, value);
      break;
    case 'list':
      if (Array.isArray(value) && value.length <= MAX_ITEMS) {
        const items = value.map((item, index) => load((shape.prefix[index] ?? shape.item ?? anyShape)(), item));
        return { id, kind: 'list', shape, items };
      }
      break;
    case 'choice': {
      const index = bestVariant(shape, value);
      const variant = index === null ? undefined : shape.variants[index];
      if (index !== null && variant !== undefined) return { id, kind: 'choice', shape, index, node: load(variant.shape(), value) };
      break;
    }
  }
  return json(shape, write(value, '  '));
}

function loadObject(id: number, shape: ShapeOf<'object'>, value: Map<string, Json>): ObjectNode {
  const slots = shape.members.map((member): Slot => {
    const given = value.get(member.name);
    return { member, node: given === undefined ? absent(member) : load(member.shape(), given) };
  });
  const declared = new Set(shape.members.map(({ name }) => name));
  const entries: Entry[] = [];
  for (const [name, given] of value) {
    if (!declared.has(name)) entries.push({ id: newId(), name, node: load(entryShape(shape, name), given) });
  }
  return { id, kind: 'object', shape, slots, entries };
}

/** The shape of an undeclared member. */
export function entryShape(shape: ShapeOf<'object'>, name: string): Shape {
  return (shape.open.find(({ pattern }) => pattern?.test(name) ?? true)?.shape ?? anyShape)();
}

/** Any JSON, without a word about it. */
export function anyShape(): Shape {
  return ANY;
}

const ANY: Shape = {
  kind: 'any',
  title: null,
  description: null,
  isDeprecated: false,
  isSecret: false,
  isNullable: false,
  standard: undefined,
  examples: [],
  limits: [],
  type: 'any JSON',
};

/** The number that a person typed, in JSON's form; null if it is none. */
export function readNumber(text: string): JsonNumber | null {
  const trimmed = text.trim();
  return isNumberText(trimmed) ? new JsonNumber(trimmed) : null;
}

/** The value of a text of JSON; null if it is none. */
export function readJson(text: string): { value: Json } | null {
  try {
    return { value: parse(text) };
  } catch {
    return null;
  }
}
