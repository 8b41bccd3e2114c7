// The variant of a union that a value most likely is. The guess decides only which controls show the value, never the value itself.

import { equal, JsonNumber, type Json } from '../json';
import type { ObjectKind, Shape, ShapeOf } from './shape';

// Deeper differences between variants do not count. Without a limit, nested unions would be compared over and over.
const MAX_DEPTH = 5;
const MAX_ITEMS = 20;

/** The index of the variant that fits best, the first of several; null if the value is of no variant's type. */
export function bestVariant(shape: ShapeOf<'choice'>, value: Json): number | null {
  let best: number | null = null;
  let score = 0;
  shape.variants.forEach((variant, index) => {
    const fits = fit(variant.shape(), value, 0);
    if (fits > score) [best, score] = [index, fits];
  });
  return best;
}

/** A number from 0, another type, to 1, as far as structure and constants tell. */
function fit(shape: Shape, value: Json, depth: number): number {
  if (depth > MAX_DEPTH) return 1;
  if (value === null && shape.isNullable) return 1;
  switch (shape.kind) {
    case 'text':
      return typeof value === 'string' ? fitText(shape, value) : 0;
    case 'number':
      return value instanceof JsonNumber ? fitNumber(shape.isWhole, value) : 0;
    case 'boolean':
      return typeof value === 'boolean' ? 1 : 0;
    case 'null':
      return value === null ? 1 : 0;
    case 'constant':
      return equal(shape.value, value) ? 1 : 0;
    case 'options':
      return shape.options.some((option) => equal(option.value, value)) ? 1 : 0;
    case 'object':
      return value instanceof Map ? fitObject(shape, value, depth) : 0;
    case 'list':
      return Array.isArray(value) ? fitList(shape, value, depth) : 0;
    case 'choice':
      return Math.max(0, ...shape.variants.map((variant) => fit(variant.shape(), value, depth + 1)));
    case 'any':
      // A variant that says more about the value comes first.
      return shape.type === 'any object' && !(value instanceof Map) ? 0 : 0.9;
  }
}

function fitText(shape: ShapeOf<'text'>, value: string): number {
  switch (shape.format) {
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(value) ? 1 : 0.5;
    case 'date-time':
      return /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}/.test(value) ? 1 : 0.5;
    case 'time':
      return /^\d{2}:\d{2}/.test(value) ? 1 : 0.5;
    case 'email':
      return value.includes('@') ? 1 : 0.5;
    case 'uri':
      return /^[a-z][a-z0-9+.-]*:/i.test(value) ? 1 : 0.5;
    case 'uuid':
      return /^[0-9a-f-]{36}$/i.test(value) ? 1 : 0.5;
    default:
      return 1;
  }
}

function fitNumber(isWhole: boolean, value: JsonNumber): number {
  return !isWhole || Number.isInteger(Number(value.text)) ? 1 : 0.4;
}

function fitObject(shape: ObjectKind, value: Map<string, Json>, depth: number): number {
  let sum = 1;
  let parts = 1;
  let known = 0;
  for (const member of shape.members) {
    const given = value.get(member.name);
    if (given === undefined) {
      if (member.isRequired) parts += 1;
      continue;
    }
    known += 1;
    const inner = member.shape();
    const fits = fit(inner, given, depth + 1);
    // A tag with another value rules the variant out as long as any other is left.
    if (fits === 0 && inner.kind === 'constant' && member.isRequired) return 0.01;
    parts += 1;
    sum += fits;
  }
  const others = value.size - known;
  if (shape.isClosed && shape.open.length === 0) parts += others;
  // Names that are merely tolerated say less than declared ones.
  const tolerated = shape.open.length > 0 ? 0.999 : 0.99;
  return (sum / parts) * (others > 0 ? tolerated : 1);
}

function fitList(shape: ShapeOf<'list'>, value: Json[], depth: number): number {
  if (value.length < shape.min || (shape.max !== null && value.length > shape.max)) return 0.3;
  let sum = 1;
  let parts = 1;
  value.slice(0, MAX_ITEMS).forEach((item, index) => {
    const inner = shape.prefix[index] ?? shape.item;
    parts += 1;
    if (inner !== null) sum += fit(inner(), item, depth + 1);
  });
  return sum / parts;
}
