// The ways to show the result of a call: content blocks of the Model Context Protocol, a text, rows of a table. JSON is always one.

import { JsonNumber, write, type Json, type JsonObject } from '../json';

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image' | 'audio'; readonly mimeType: string; readonly data: string }
  | { readonly kind: 'resource'; readonly uri: string; readonly mimeType: string | null; readonly text: string | null; readonly blob: string | null }
  | { readonly kind: 'link'; readonly uri: string; readonly name: string | null; readonly description: string | null }
  | { readonly kind: 'other'; readonly value: Json };

export interface TableResult {
  /** The rows are most of the result, and not a part of something that says more. */
  readonly isMain: boolean;
  /** The member that has the rows; null if the result itself is the list. */
  readonly member: string | null;
  readonly columns: readonly string[];
  readonly rows: readonly JsonObject[];
}

/** A result that was too long, of which the gateway gives the beginning. */
export interface Truncated {
  readonly preview: string;
  readonly bytes: number;
}

const MAX_COLUMNS = 24;
// Members that a page of rows has beside them, such as a cursor and a count.
const MAX_BESIDE = 2;
// Names of columns are collected from so many rows. All rows of a long list would cost a noticeable time, and rows are mostly alike.
const ROWS_FOR_COLUMNS = 500;
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/i;
const SOUND = /^audio\/[a-z0-9.+-]+$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The blocks of a result that is content; null if it is none. */
export function blocksOf(value: Json): Block[] | null {
  if (!(value instanceof Map)) return null;
  const content = value.get('content');
  const others = [...value.keys()].filter((name) => !['content', 'structuredContent', 'isError', '_meta'].includes(name));
  if (!Array.isArray(content) || others.length > 0) return null;
  const isContent = content.every((block) => block instanceof Map && typeof block.get('type') === 'string');
  return isContent ? content.map((block) => blockOf(block as JsonObject)) : null;
}

/** The value that content has beside its blocks. */
export function structuredOf(value: Json): Json | undefined {
  return value instanceof Map ? value.get('structuredContent') : undefined;
}

function blockOf(block: JsonObject): Block {
  const other: Block = { kind: 'other', value: block };
  switch (block.get('type')) {
    case 'text': {
      const text = textOf(block, 'text');
      return text === null ? other : { kind: 'text', text };
    }
    case 'image':
    case 'audio': {
      const mimeType = textOf(block, 'mimeType') ?? '';
      const data = textOf(block, 'data') ?? '';
      const kind = block.get('type') as 'image' | 'audio';
      const isKnown = (kind === 'image' ? IMAGE : SOUND).test(mimeType);
      return isKnown && BASE64.test(data) ? { kind, mimeType, data } : other;
    }
    case 'resource': {
      const resource = block.get('resource');
      if (!(resource instanceof Map)) return other;
      return { kind: 'resource', uri: textOf(resource, 'uri') ?? '', mimeType: textOf(resource, 'mimeType'), text: textOf(resource, 'text'), blob: textOf(resource, 'blob') };
    }
    case 'resource_link':
      return { kind: 'link', uri: textOf(block, 'uri') ?? '', name: textOf(block, 'title') ?? textOf(block, 'name'), description: textOf(block, 'description') };
    default:
      return other;
  }
}

/** The rows of a list of objects, or of an object whose only list has them. */
export function tableOf(value: Json): TableResult | null {
  const own = rowsOf(value);
  if (own !== null) return { isMain: true, member: null, columns: columnsOf(own), rows: own };
  if (!(value instanceof Map)) return null;
  const lists = [...value].filter(([, member]) => Array.isArray(member));
  const [only] = lists;
  if (lists.length !== 1 || only === undefined) return null;
  const rows = rowsOf(only[1]);
  return rows === null ? null : { isMain: value.size <= MAX_BESIDE + 1, member: only[0], columns: columnsOf(rows), rows };
}

function rowsOf(value: Json): JsonObject[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  return value.every((row) => row instanceof Map && row.size > 0) ? (value as JsonObject[]) : null;
}

function columnsOf(rows: readonly JsonObject[]): string[] {
  const names = new Set<string>();
  for (const row of rows.slice(0, ROWS_FOR_COLUMNS)) for (const name of row.keys()) names.add(name);
  return [...names].slice(0, MAX_COLUMNS);
}

export function truncatedOf(value: Json): Truncated | null {
  if (!(value instanceof Map) || value.get('truncated') !== true) return null;
  const bytes = value.get('original_bytes');
  const preview = value.get('preview');
  return typeof preview === 'string' && bytes instanceof JsonNumber ? { preview, bytes: Number(bytes.text) } : null;
}

/** The text of a cell. */
export function cellText(value: Json | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return write(value);
}

/** True for a column that has numbers only. */
export function isNumeric(rows: readonly JsonObject[], column: string): boolean {
  return rows.slice(0, ROWS_FOR_COLUMNS).every((row) => {
    const value = row.get(column);
    return value === undefined || value === null || value instanceof JsonNumber;
  });
}

function textOf(object: JsonObject, name: string): string | null {
  const value = object.get(name);
  return typeof value === 'string' ? value : null;
}
