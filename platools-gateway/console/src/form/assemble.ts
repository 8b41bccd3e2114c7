// The value of a form, and the problems that keep it from being a value. Limits, patterns and formats are not checked here: the gateway
// checks arguments, and its problems are shown at their fields.

import { parse, pointerTo, write, type Json } from '../json';
import { isSecretName } from './read';
import { readNumber, type ListNode, type Node, type ObjectNode } from './node';

export interface Problem {
  /** A JSON pointer into the value. */
  readonly pointer: string;
  readonly message: string;
}

export interface Assembled {
  /** Undefined if the form itself is left out. */
  readonly value: Json | undefined;
  readonly problems: readonly Problem[];
}

export interface AssembleOptions {
  /** Leaves out values of secret fields, for a copy that is stored. */
  readonly withoutSecrets?: boolean;
}

export function assemble(node: Node, options: AssembleOptions = {}): Assembled {
  const assembler = new Assembler(options.withoutSecrets === true);
  const value = assembler.value(node, '');
  const kept = value !== undefined && options.withoutSecrets === true ? withoutSecretNames(value) : value;
  return { value: kept, problems: assembler.problems };
}

/** The value of a form as readable JSON, without what is not filled in yet. */
export function toText(node: Node): string {
  const { value } = assemble(node);
  return value === undefined ? '' : write(value, '  ');
}

/** The same without members whose names say that they are secret, also where no schema declares them. */
function withoutSecretNames(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutSecretNames);
  if (!(value instanceof Map)) return value;
  const kept = [...value].filter(([name]) => !isSecretName(name));
  return new Map(kept.map(([name, member]) => [name, withoutSecretNames(member)]));
}

class Assembler {
  readonly problems: Problem[] = [];

  constructor(private readonly withoutSecrets: boolean) {}

  /** The value of a node, or undefined if it is left out or no value. */
  value(node: Node, pointer: string): Json | undefined {
    switch (node.kind) {
      case 'text':
        return node.text ?? undefined;
      case 'number':
        return this.number(node.text, node.shape.isWhole, pointer);
      case 'boolean':
        return node.value ?? undefined;
      case 'options':
        return node.index === null ? undefined : node.shape.options[node.index]?.value;
      case 'constant':
        return node.isSet ? node.shape.value : undefined;
      case 'null':
        return null;
      case 'choice':
        return node.node === null ? undefined : this.value(node.node, pointer);
      case 'object':
        return this.object(node, pointer);
      case 'list':
        return this.list(node, pointer);
      case 'json':
        return this.json(node.text, pointer);
    }
  }

  private number(text: string, isWhole: boolean, pointer: string): Json | undefined {
    if (text.trim() === '') return undefined;
    const number = readNumber(text);
    if (number === null) this.add(pointer, `“${text.trim()}” is not a number. Write digits, such as ${isWhole ? '12 or -3' : '12, -1.5 or 2e6'}.`);
    return number ?? undefined;
  }

  private json(text: string, pointer: string): Json | undefined {
    if (text.trim() === '') return undefined;
    try {
      return parse(text);
    } catch (error) {
      this.add(pointer, `This is not JSON yet. ${error instanceof Error ? error.message : ''}`);
      return undefined;
    }
  }

  private object(node: ObjectNode, pointer: string): Json {
    const members = new Map<string, Json>();
    for (const { member, node: inner } of node.slots) {
      const at = pointerTo(pointer, member.name);
      const before = this.problems.length;
      const value = inner === null ? undefined : this.value(inner, at);
      if (value === undefined) {
        if (member.isRequired && this.problems.length === before) this.add(at, missing(inner));
      } else if (!(this.withoutSecrets && member.isSecret())) {
        members.set(member.name, value);
      }
    }
    for (const { name, node: inner } of node.entries) {
      const at = pointerTo(pointer, name);
      const before = this.problems.length;
      const value = this.value(inner, at);
      if (members.has(name) || node.slots.some(({ member }) => member.name === name)) {
        this.add(at, `The name “${name}” is there twice. Rename one of them, or remove it.`);
      } else if (value === undefined) {
        if (this.problems.length === before) this.add(at, 'Fill in a value, or remove the entry.');
      } else {
        members.set(name, value);
      }
    }
    return members;
  }

  private list(node: ListNode, pointer: string): Json {
    return node.items.map((item, index) => {
      const at = pointerTo(pointer, index);
      const before = this.problems.length;
      const value = this.value(item, at);
      if (value === undefined && this.problems.length === before) this.add(at, 'Fill in a value, or remove the item.');
      return value ?? null;
    });
  }

  private add(pointer: string, message: string): void {
    this.problems.push({ pointer, message });
  }
}

function missing(node: Node | null): string {
  switch (node?.kind) {
    case 'text':
      return node.shape.mayBeEmpty ? 'Required. Type a text, or send an empty one.' : 'Required. Type a text.';
    case 'number':
      return 'Required. Type a number.';
    case 'options':
    case 'choice':
    case 'boolean':
      return 'Required. Choose one.';
    default:
      return 'Required. Add a value.';
  }
}

