// Schemas with their references followed and their combinations merged, as far as a form can show them. A form that shows less than the
// schema says stays correct: the gateway checks arguments, and a value that does not fit is edited as JSON.

export type SchemaObject = { readonly [keyword: string]: unknown };
export type Schema = boolean | SchemaObject;

/** A schema without `$ref` and `allOf`, and with at most one of `oneOf` and `anyOf`, as `variants`. */
export interface FlatSchema {
  readonly keywords: SchemaObject;
  readonly variants: readonly Schema[] | null;
  /** The last part of the reference that led here. */
  readonly name: string | null;
}

// Unions that apply together are multiplied up to this number of variants. More of them would be unreadable as one choice.
const MAX_VARIANTS = 48;
const MAX_DEPTH = 32;
const EMPTY: FlatSchema = { keywords: {}, variants: null, name: null };

export class SchemaSource {
  constructor(private readonly root: Schema) {}

  /** Follows references and merges; `true` and what cannot be read is a schema without keywords. `within` has the references on the way. */
  flatten(schema: Schema, within: readonly string[] = []): FlatSchema {
    if (!isObject(schema) || within.length > MAX_DEPTH) return EMPTY;
    const { $ref, allOf, oneOf, anyOf, ...own } = schema;
    let flat: FlatSchema = { keywords: own, variants: null, name: null };
    for (const union of [oneOf, anyOf]) {
      if (Array.isArray(union) && union.length > 0) flat = { ...flat, variants: multiply(flat.variants, union as Schema[]) };
    }
    if (typeof $ref === 'string') {
      const target = within.includes($ref) ? null : this.follow($ref);
      const base = target === null ? null : this.flatten(target, [...within, $ref]);
      if (base !== null) flat = { ...mergeFlat(flat, base), name: lastToken($ref) };
    }
    if (Array.isArray(allOf)) {
      for (const part of allOf as Schema[]) {
        const base = this.flatten(part, within);
        const name = flat.name ?? (allOf.length === 1 ? base.name : null);
        flat = { ...mergeFlat(flat, base), name };
      }
    }
    return flat;
  }

  private follow(reference: string): Schema | null {
    if (!reference.startsWith('#')) return null;
    let at: unknown = this.root;
    for (const token of pointerParts(reference)) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token)) return null;
      at = (at as Record<string, unknown>)[token];
    }
    return typeof at === 'boolean' || isObject(at) ? at : null;
  }
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One schema that means both. Titles, descriptions and defaults of the first one win. */
export function mergeKeywords(first: SchemaObject, second: SchemaObject): SchemaObject {
  const merged: Record<string, unknown> = { ...second, ...first };
  if (isObject(first['properties']) && isObject(second['properties'])) {
    const properties: [string, unknown][] = Object.entries(second['properties']);
    const names = new Map(properties);
    for (const [name, schema] of Object.entries(first['properties'])) {
      const other = names.get(name);
      names.set(name, other === undefined ? schema : { allOf: [schema, other] });
    }
    merged['properties'] = Object.fromEntries(names);
  }
  if (Array.isArray(first['required']) && Array.isArray(second['required'])) {
    merged['required'] = [...new Set([...second['required'], ...first['required']])];
  }
  const types = commonTypes(first['type'], second['type']);
  if (types !== undefined) merged['type'] = types;
  return merged;
}

/** The types in both of two `type` keywords; undefined if one of them is absent. */
function commonTypes(first: unknown, second: unknown): unknown {
  if (first === undefined || second === undefined) return undefined;
  const left = [first].flat();
  const right = [second].flat();
  const both = left.filter((type) => right.includes(type) || (type === 'integer' && right.includes('number')));
  if (both.length === 0 && left.includes('number') && right.includes('integer')) return 'integer';
  if (both.length === 0) return first;
  return both.length === 1 ? both[0] : both;
}

function mergeFlat(first: FlatSchema, second: FlatSchema): FlatSchema {
  return {
    keywords: mergeKeywords(first.keywords, second.keywords),
    variants: second.variants === null ? first.variants : multiply(first.variants, second.variants),
    name: first.name ?? second.name,
  };
}

function multiply(first: readonly Schema[] | null, second: readonly Schema[]): readonly Schema[] {
  if (first === null) return second;
  if (first.length * second.length > MAX_VARIANTS) return first;
  return first.flatMap((left) => second.map((right) => ({ allOf: [left, right] })));
}

function pointerParts(reference: string): string[] {
  let pointer = reference.slice(1);
  try {
    pointer = decodeURIComponent(pointer);
  } catch {
    // A percent sign that escapes nothing stands for itself.
  }
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function lastToken(reference: string): string | null {
  return pointerParts(reference).at(-1) ?? null;
}
