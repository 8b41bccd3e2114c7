// Problems that are still of interest after an edit: those whose value has not changed.

import { equal, pointerTokens, type Json } from '../json';
import { assemble, type Problem } from './assemble';
import type { Draft } from './draft';

export function remaining(problems: readonly Problem[], before: Draft, after: Draft): readonly Problem[] {
  if (problems.length === 0) return problems;
  const [old, fresh] = [assemble(before.node).value, assemble(after.node).value];
  const left = problems.filter(({ pointer }) => isSame(valueAt(old, pointer), valueAt(fresh, pointer)));
  return left.length === problems.length ? problems : left;
}

function isSame(one: Json | undefined, other: Json | undefined): boolean {
  return one === undefined || other === undefined ? one === other : equal(one, other);
}

function valueAt(value: Json | undefined, pointer: string): Json | undefined {
  let at = value;
  for (const token of pointerTokens(pointer)) {
    if (Array.isArray(at)) at = at[Number(token)];
    else if (at instanceof Map) at = at.get(token);
    else return undefined;
  }
  return at;
}
