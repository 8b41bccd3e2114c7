// Constants and messages in words.

import { write, type Json } from '../json';

/** A text as it is, anything else as JSON. */
export function labelOf(value: Json): string {
  if (typeof value === 'string') return value === '' ? '"" (empty text)' : value;
  return write(value);
}

/** A message of the gateway as a sentence. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
