// The change from one variant of a union to another.

import { assemble } from './assemble';
import { load, startItem, type ChoiceNode, type Node } from './node';

/** The same choice with another variant. Members that both variants have keep their values. */
export function switchVariant(choice: ChoiceNode, index: number | null): ChoiceNode {
  const variant = index === null ? undefined : choice.shape.variants[index];
  if (index === null || variant === undefined) return { ...choice, index: null, node: null };
  if (index === choice.index) return choice;
  const fresh = startItem(variant.shape());
  return { ...choice, index, node: choice.node === null ? fresh : carry(choice.node, fresh) };
}

function carry(from: Node, to: Node): Node {
  if (to.kind !== 'object') return to;
  const { value } = assemble(from);
  if (!(value instanceof Map)) return to;
  const slots = to.slots.map((slot) => {
    const old = value.get(slot.member.name);
    if (old === undefined || slot.node?.kind === 'constant') return slot;
    const loaded = load(slot.member.shape(), old);
    // A value of another type would only show up as JSON.
    return loaded.kind === 'json' && slot.member.shape().kind !== 'any' ? slot : { ...slot, node: loaded };
  });
  return { ...to, slots };
}
