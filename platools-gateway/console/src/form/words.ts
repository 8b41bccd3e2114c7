// The kind of a value and its limits in words, for the line below a field.

import type { SchemaObject } from './merge';
import type { Kind } from './shape';

const FORMATS: Readonly<Record<string, string>> = {
  date: 'date',
  'date-time': 'date and time',
  time: 'time',
  duration: 'duration',
  email: 'email address',
  'idn-email': 'email address',
  uri: 'URL',
  url: 'URL',
  iri: 'URL',
  uuid: 'UUID',
  ipv4: 'IPv4 address',
  ipv6: 'IPv6 address',
  ip: 'IP address',
  hostname: 'host name',
  regex: 'regular expression',
  byte: 'base64',
  binary: 'base64',
  base64: 'base64',
  password: 'password',
};

/** The kind of value, such as "whole number" or "list of text". */
export function typeOf(keywords: SchemaObject, kind: Kind): string {
  switch (kind.kind) {
    case 'text': {
      const format = keywords['format'];
      const named = typeof format === 'string' && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
      return kind.format === 'base64' ? 'base64' : (named ?? 'text');
    }
    case 'number':
      return kind.isWhole ? 'whole number' : 'number';
    case 'boolean':
      return 'true or false';
    case 'options':
      return 'one of';
    case 'constant':
      return 'constant';
    case 'null':
      return 'null';
    case 'object':
      return kind.members.length === 0 && kind.open.length > 0 ? 'map' : 'object';
    case 'list':
      return kind.prefix.length > 0 && kind.item === null ? 'tuple' : 'list';
    case 'choice':
      return 'one of';
    case 'any':
      return keywords['type'] === 'object' ? 'any object' : 'any JSON';
  }
}

/** The limits of a value, each in a few words. */
export function limitsOf(keywords: SchemaObject, kind: Kind): string[] {
  switch (kind.kind) {
    case 'text':
      return [span(keywords['minLength'], keywords['maxLength'], 'character'), pattern(keywords['pattern'])].filter(isText);
    case 'number':
      return [bounds(keywords), multiple(keywords['multipleOf'])].filter(isText);
    case 'list':
      if (kind.prefix.length > 0 && kind.item === null) return [];
      return [span(keywords['minItems'], keywords['maxItems'], 'item'), keywords['uniqueItems'] === true ? 'no item twice' : null].filter(isText);
    case 'object':
      return [span(keywords['minProperties'], keywords['maxProperties'], 'entry', 'entries')].filter(isText);
    default:
      return [];
  }
}

function bounds(keywords: SchemaObject): string | null {
  const low = number(keywords['minimum']);
  const high = number(keywords['maximum']);
  const above = number(keywords['exclusiveMinimum']);
  const below = number(keywords['exclusiveMaximum']);
  if (low !== null && high !== null && above === null && below === null) return `${low} to ${high}`;
  const parts = [
    low === null ? null : `at least ${low}`,
    above === null ? null : `more than ${above}`,
    high === null ? null : `at most ${high}`,
    below === null ? null : `less than ${below}`,
  ];
  return parts.filter(isText).join(', ') || null;
}

function multiple(value: unknown): string | null {
  const step = number(value);
  return step === null ? null : `a multiple of ${step}`;
}

function pattern(value: unknown): string | null {
  return typeof value === 'string' ? `pattern ${value}` : null;
}

function span(least: unknown, most: unknown, one: string, many = `${one}s`): string | null {
  const min = typeof least === 'number' && least > 0 ? least : null;
  const max = typeof most === 'number' ? most : null;
  const noun = (size: number) => (size === 1 ? one : many);
  if (min !== null && max !== null) return min === max ? `exactly ${min} ${noun(min)}` : `${min} to ${max} ${noun(max)}`;
  if (min !== null) return `at least ${min} ${noun(min)}`;
  if (max !== null) return `at most ${max} ${noun(max)}`;
  return null;
}

// The bounds of 64-bit integers are not exact in JavaScript, and nobody needs them in full.
function number(value: unknown): string | null {
  if (typeof value !== 'number') return null;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential(1) : String(value);
}

function isText(value: string | null): value is string {
  return value !== null;
}
