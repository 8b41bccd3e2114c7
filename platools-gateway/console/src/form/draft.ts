// A form together with its JSON. Whichever of the two was edited last is what a call sends; the other follows it.

import { parse, write, type Json } from '../json';
import { assemble, toText, type Problem } from './assemble';
import { load, startForm, type Node } from './node';
import type { Shape } from './shape';

export interface Draft {
  readonly shape: Shape;
  readonly node: Node;
  /** The text as it was typed, from its first change until the form changes; null while the form is ahead. */
  readonly text: string | null;
  /** The mistake in the text; the form shows the last text without one. */
  readonly mistake: string | null;
}

export function newDraft(shape: Shape): Draft {
  return { shape, node: startForm(shape), text: null, mistake: null };
}

export function draftOf(shape: Shape, value: Json): Draft {
  return { shape, node: load(shape, value), text: null, mistake: null };
}

export function withNode(draft: Draft, node: Node): Draft {
  return { ...draft, node, text: null, mistake: null };
}

export function withText(draft: Draft, text: string): Draft {
  try {
    return { ...draft, text, node: load(draft.shape, parse(text)), mistake: null };
  } catch (error) {
    return { ...draft, text, mistake: error instanceof Error ? error.message : 'This is not JSON.' };
  }
}

/** The text of the JSON tab. */
export function textOf(draft: Draft): string {
  return draft.text ?? toText(draft.node);
}

/** The arguments as JSON text, or what keeps them from being sent. */
export type Ready = { readonly text: string; readonly problems: null } | { readonly text: null; readonly problems: readonly Problem[] };

export function argumentsOf(draft: Draft): Ready {
  if (draft.mistake !== null) return { text: null, problems: [{ pointer: '', message: draft.mistake }] };
  // The gateway treats arguments as they were written, so a typed text is sent as it is.
  if (draft.text !== null) return { text: draft.text, problems: null };
  const { value, problems } = assemble(draft.node);
  if (problems.length > 0) return { text: null, problems };
  return value === undefined ? { text: '{}', problems: null } : { text: write(value), problems: null };
}

/** The arguments as they may be stored: without secrets. Null if there is nothing to store. */
export function storable(draft: Draft): string | null {
  const { value } = assemble(draft.node, { withoutSecrets: true });
  return value === undefined ? null : write(value);
}
