// Reads a JSON schema (draft 2020-12, and the forms of draft 7 that differ) as the shape of a form.

import { equal, fromPlain, type Json } from '../json';
import { labelOf } from './label';
import { isObject, mergeKeywords, SchemaSource, type FlatSchema, type Schema, type SchemaObject } from './merge';
import type { Kind, Member, ObjectKind, OpenMembers, Option, Shape, TextFormat, Variant } from './shape';
import { limitsOf, typeOf } from './words';

const ANNOTATIONS = ['title', 'description', 'default', 'examples', 'deprecated', '$defs', 'definitions', '$schema', '$id', '$comment'];
const SECRET_NAME = /(^|[-_.])(password|passwd|passphrase|secret|token|credential|credentials|api[-_]?key|access[-_]?key|private[-_]?key)s?$/i;
const TEXT_FORMATS: Readonly<Record<string, TextFormat>> = {
  date: 'date',
  'date-time': 'date-time',
  time: 'time',
  email: 'email',
  'idn-email': 'email',
  uri: 'uri',
  url: 'uri',
  iri: 'uri',
  uuid: 'uuid',
  byte: 'base64',
  binary: 'base64',
  base64: 'base64',
  password: 'password',
};
// A text that may be longer than this is given several lines.
const LONG_TEXT = 200;

/** Reads the schema of a tool's arguments. */
export function readSchema(schema: Schema): Shape {
  return new SchemaReader(schema).shape(schema);
}

/** Says that the value of a member with this name must not be shown or stored. */
export function isSecretName(name: string): boolean {
  const words = name.replaceAll(/([a-z])([A-Z])/g, '$1_$2');
  return SECRET_NAME.test(words);
}

class SchemaReader {
  private readonly source: SchemaSource;
  // Recursive schemas arrive at the same object again and get the same shape.
  private readonly known = new WeakMap<SchemaObject, Shape>();
  // Schemas whose reading has begun. One that is nothing but itself is any JSON.
  private readonly begun = new WeakSet<SchemaObject>();

  constructor(root: Schema) {
    this.source = new SchemaSource(root);
  }

  shape(schema: Schema): Shape {
    if (!isObject(schema)) return this.read(this.source.flatten(schema));
    const known = this.known.get(schema);
    if (known !== undefined) return known;
    if (this.begun.has(schema)) return this.read(this.source.flatten(true));
    this.begun.add(schema);
    const shape = this.read(this.source.flatten(schema));
    this.known.set(schema, shape);
    return shape;
  }

  private read(flat: FlatSchema): Shape {
    const { schema, isNullable } = withoutNull(flat, (variant) => this.source.flatten(variant));
    const kind = this.kind(schema);
    // A union of one variant is that variant, apart from what is said beside it.
    const inner = isShape(kind) ? kind : null;
    const { keywords } = schema;
    const { default: standard, examples } = keywords;
    return {
      ...kind,
      title: text(keywords['title']) ?? inner?.title ?? null,
      description: text(keywords['description']) ?? inner?.description ?? null,
      isDeprecated: keywords['deprecated'] === true || inner?.isDeprecated === true,
      isSecret: keywords['format'] === 'password' || keywords['writeOnly'] === true || inner?.isSecret === true,
      isNullable: (isNullable && kind.kind !== 'null' && kind.kind !== 'any') || inner?.isNullable === true,
      standard: standard === undefined ? inner?.standard : fromPlain(standard),
      examples: Array.isArray(examples) ? examples.map(fromPlain) : (inner?.examples ?? []),
      limits: inner?.limits ?? limitsOf(keywords, kind),
      type: inner?.type ?? typeOf(keywords, kind),
    };
  }

  private kind(flat: FlatSchema): Kind | Shape {
    const { keywords, variants } = flat;
    if (keywords['const'] !== undefined) return { kind: 'constant', value: fromPlain(keywords['const']) };
    if (Array.isArray(keywords['enum'])) return optionsKind(keywords['enum'].map((value) => optionOf(value, null)));
    if (variants !== null) return this.union(keywords, variants);
    const types = typesOf(keywords);
    if (types.length > 1) return this.union(keywords, types.map((type) => ({ type })));
    switch (types[0]) {
      case 'string':
        return textKind(keywords);
      case 'integer':
      case 'number':
        return { kind: 'number', isWhole: types[0] === 'integer' };
      case 'boolean':
        return { kind: 'boolean' };
      case 'null':
        return { kind: 'null' };
      case 'array':
        return this.list(keywords);
      case 'object':
        return this.object(keywords);
      default:
        return { kind: 'any' };
    }
  }

  private union(base: SchemaObject, schemas: readonly Schema[]): Kind | Shape {
    const shared = withoutAnnotations(base);
    const hasShared = Object.keys(shared).length > 0;
    const merged = schemas.map((schema) => (hasShared ? this.join(schema, shared) : schema));
    const options = this.options(merged);
    if (options !== null) return optionsKind(options);
    const variants = merged.flatMap((schema) => this.variantsOf(schema));
    const only = variants[0];
    if (variants.length === 1 && only !== undefined) return only.shape();
    const tag = this.tag(merged);
    if (tag === null || tag.values.length !== variants.length) return { kind: 'choice', variants: withOwnLabels(variants), tag: null };
    const tagged = variants.map((variant, index) => ({ ...variant, label: labelOf(tag.values[index] ?? null) }));
    return { kind: 'choice', variants: tagged, tag: tag.name };
  }

  /** A variant together with the keywords beside the union. */
  private join(variant: Schema, shared: SchemaObject): Schema {
    const flat = this.source.flatten(variant);
    const joined = mergeKeywords(flat.keywords, shared);
    const title = joined['title'] ?? flat.name;
    const named = title === null || title === undefined ? joined : { ...joined, title };
    return flat.variants === null ? named : { ...named, anyOf: flat.variants };
  }

  /** The options of a union in which each variant is a constant or an enumeration. */
  private options(schemas: readonly Schema[]): Option[] | null {
    const options: Option[] = [];
    for (const schema of schemas) {
      const { keywords, variants } = this.source.flatten(schema);
      const description = text(keywords['description']);
      if (variants !== null) return null;
      if (keywords['const'] !== undefined) options.push(optionOf(keywords['const'], description, text(keywords['title'])));
      else if (Array.isArray(keywords['enum'])) options.push(...keywords['enum'].map((value) => optionOf(value, description)));
      else return null;
    }
    return options;
  }

  /** The variants of one member of a union: several of an enumeration, which stands beside objects and texts then. */
  private variantsOf(schema: Schema): Variant[] {
    const flat = this.source.flatten(schema);
    const constants = flat.keywords['enum'];
    if (Array.isArray(constants) && constants.length > 0) {
      return constants.map((value) => this.variant({ ...flat, keywords: { ...flat.keywords, const: value } }, null));
    }
    if (flat.variants !== null && flat.keywords['const'] === undefined && typesOf(flat.keywords).length === 0 && flat.name === null) {
      return flat.variants.flatMap((inner) => this.variantsOf(inner));
    }
    return [this.variant(flat, schema)];
  }

  private variant(flat: FlatSchema, schema: Schema | null): Variant {
    const { const: constant } = flat.keywords;
    const title = text(flat.keywords['title']);
    const required = flat.keywords['required'];
    const properties = isObject(flat.keywords['properties']) ? Object.keys(flat.keywords['properties']) : [];
    // serde's form of an enum's variant is an object whose only name is the variant's.
    const onlyName = properties.length === 1 && Array.isArray(required) && required.length === 1 ? text(required[0]) : null;
    const label = title ?? (constant === undefined ? (onlyName ?? flat.name) : labelOf(fromPlain(constant)));
    const once = memoize(() => (schema === null ? this.read(flat) : this.shape(schema)));
    return { label: label ?? once().type, description: text(flat.keywords['description']), shape: once };
  }

  /** The required member that is a different constant in each of several objects. Shapes of members are not read for that: they may recur. */
  private tag(schemas: readonly Schema[]): { name: string; values: Json[] } | null {
    const variants = schemas.map((schema) => this.constants(schema));
    for (const name of variants[0]?.keys() ?? []) {
      const values = variants.map((constants) => constants.get(name)).filter((value) => value !== undefined);
      const distinct = values.filter((value, index) => values.findIndex((other) => equal(other, value)) === index);
      if (distinct.length === schemas.length) return { name, values: distinct };
    }
    return null;
  }

  /** The required members of an object that are constants. */
  private constants(schema: Schema): Map<string, Json> {
    const { keywords } = this.source.flatten(schema);
    const constants = new Map<string, Json>();
    if (!isObject(keywords['properties']) || !Array.isArray(keywords['required'])) return constants;
    for (const [name, property] of Object.entries(keywords['properties'])) {
      const { const: constant, enum: listed } = this.source.flatten(asSchema(property)).keywords;
      const value = constant ?? (Array.isArray(listed) && listed.length === 1 ? listed[0] : undefined);
      if (value !== undefined && keywords['required'].includes(name)) constants.set(name, fromPlain(value));
    }
    return constants;
  }

  private list(keywords: SchemaObject): Kind {
    const items = keywords['items'];
    // Until 2019-09 a list in `items` was what `prefixItems` is now.
    const prefix = keywords['prefixItems'] ?? (Array.isArray(items) ? items : []);
    const rest = Array.isArray(items) ? keywords['additionalItems'] : items;
    const max = count(keywords['maxItems']);
    const prefixes = Array.isArray(prefix) ? (prefix as Schema[]) : [];
    const isFull = rest === false || (max !== null && max <= prefixes.length && prefixes.length > 0);
    return {
      kind: 'list',
      prefix: prefixes.map((schema) => () => this.shape(schema)),
      item: isFull ? null : () => this.shape(asSchema(rest)),
      min: count(keywords['minItems']) ?? 0,
      max,
    };
  }

  private object(keywords: SchemaObject): ObjectKind | { kind: 'any' } {
    const properties = isObject(keywords['properties']) ? keywords['properties'] : {};
    const required = Array.isArray(keywords['required']) ? keywords['required'] : [];
    const members = new Map<string, Member>();
    for (const [name, schema] of Object.entries(properties)) members.set(name, this.member(name, asSchema(schema), required.includes(name)));
    const open = this.open(keywords);
    for (const name of required) {
      // A name may be required without being declared.
      if (typeof name === 'string' && !members.has(name)) members.set(name, this.member(name, true, true));
    }
    const isClosed = keywords['additionalProperties'] === false || keywords['unevaluatedProperties'] === false;
    const isFree = members.size === 0 && keywords['patternProperties'] === undefined && this.isAnything(asSchema(keywords['additionalProperties']));
    if (isFree) return { kind: 'any' };
    return { kind: 'object', members: [...members.values()], open, isClosed };
  }

  private isAnything(schema: Schema): boolean {
    if (schema === false) return false;
    const { keywords, variants } = this.source.flatten(schema);
    return variants === null && Object.keys(withoutAnnotations(keywords)).length === 0;
  }

  private member(name: string, schema: Schema, isRequired: boolean): Member {
    const shape = memoize(() => this.shape(schema));
    return { name, isRequired, isSecret: () => isSecretName(name) || shape().isSecret, shape };
  }

  private open(keywords: SchemaObject): OpenMembers[] {
    const open: OpenMembers[] = [];
    if (isObject(keywords['patternProperties'])) {
      for (const [source, schema] of Object.entries(keywords['patternProperties'])) {
        const pattern = patternOf(source);
        if (pattern !== null) open.push({ pattern, shape: () => this.shape(asSchema(schema)) });
      }
    }
    const additional = keywords['additionalProperties'];
    if (additional === true || isObject(additional)) open.push({ pattern: null, shape: () => this.shape(asSchema(additional)) });
    return open;
  }
}

function isShape(kind: Kind | Shape): kind is Shape {
  return 'isNullable' in kind;
}

/** A schema without the variant or type for null. */
function withoutNull(flat: FlatSchema, flatten: (schema: Schema) => FlatSchema): { schema: FlatSchema; isNullable: boolean } {
  let { keywords, variants } = flat;
  let isNullable = false;
  const { type, enum: constants } = keywords;
  if (Array.isArray(type) && type.length > 1 && type.includes('null')) {
    const rest = type.filter((name) => name !== 'null');
    keywords = { ...keywords, type: rest.length === 1 ? rest[0] : rest };
    isNullable = true;
  }
  if (Array.isArray(constants) && constants.length > 1 && constants.includes(null)) {
    keywords = { ...keywords, enum: constants.filter((value) => value !== null) };
    isNullable = true;
  }
  if (variants !== null && variants.length > 1) {
    const rest = variants.filter((variant) => {
      const { keywords: inner, variants: nested } = flatten(variant);
      return nested !== null || (inner['type'] !== 'null' && inner['const'] !== null);
    });
    isNullable ||= rest.length > 0 && rest.length < variants.length;
    if (rest.length > 0) variants = rest;
  }
  return { schema: { ...flat, keywords, variants }, isNullable };
}

function withoutAnnotations(keywords: SchemaObject): SchemaObject {
  return Object.fromEntries(Object.entries(keywords).filter(([name]) => !ANNOTATIONS.includes(name)));
}

function typesOf(keywords: SchemaObject): string[] {
  const type = keywords['type'];
  if (typeof type === 'string') return [type];
  if (Array.isArray(type)) return type.filter((name) => typeof name === 'string');
  const has = (...names: string[]) => names.some((name) => keywords[name] !== undefined);
  if (has('properties', 'required', 'additionalProperties', 'patternProperties')) return ['object'];
  if (has('items', 'prefixItems', 'minItems', 'maxItems')) return ['array'];
  if (has('pattern', 'minLength', 'maxLength', 'contentEncoding')) return ['string'];
  if (has('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')) return ['number'];
  return [];
}

function textKind(keywords: SchemaObject): Kind {
  const named = typeof keywords['format'] === 'string' ? TEXT_FORMATS[keywords['format']] : undefined;
  const encoding = keywords['contentEncoding'];
  const format = encoding === 'base64' || encoding === 'base64url' ? 'base64' : (named ?? 'plain');
  const min = count(keywords['minLength']) ?? 0;
  const max = count(keywords['maxLength']);
  const isLong = format === 'base64' || min > LONG_TEXT || (format === 'plain' && max !== null && max > LONG_TEXT);
  const mayBeEmpty = min === 0 && (format === 'plain' || format === 'password' || format === 'base64');
  return { kind: 'text', format, mayBeEmpty, isLong };
}

function optionsKind(options: readonly Option[]): Kind {
  const only = options[0];
  if (options.length === 1 && only !== undefined) return { kind: 'constant', value: only.value };
  const distinct = options.filter((option, index) => options.findIndex((other) => equal(other.value, option.value)) === index);
  return { kind: 'options', options: distinct };
}

function optionOf(value: unknown, description: string | null, title: string | null = null): Option {
  const json = fromPlain(value);
  const label = labelOf(json);
  return { value: json, label: title === null || title === label ? label : `${title} (${label})`, description };
}

/** Numbers the labels that several variants have. */
function withOwnLabels(variants: readonly Variant[]): Variant[] {
  return variants.map((variant, index) => {
    const same = variants.filter(({ label }) => label === variant.label);
    if (same.length === 1) return variant;
    const place = variants.slice(0, index).filter(({ label }) => label === variant.label).length + 1;
    return { ...variant, label: `${variant.label} (${place})` };
  });
}

function patternOf(source: string): RegExp | null {
  try {
    return new RegExp(source, 'u');
  } catch {
    return null;
  }
}

function asSchema(value: unknown): Schema {
  return typeof value === 'boolean' || isObject(value) ? value : true;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

function memoize<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
