// Constants in words.

import { write, type Json } from '../json';

/** A text as it is, anything else as JSON. */
export function labelOf(value: Json): string {
  if (typeof value === 'string') return value === '' ? '"" (empty text)' : value;
  return write(value);
}
