// Shapes: what a form shows for a schema. A shape is made when it is first needed, so a schema that refers to itself has no end here and
// needs none.

import type { Json } from '../json';

export interface Member {
  readonly name: string;
  readonly isRequired: boolean;
  /** The value is a password, a key or the like: it is covered on the screen and never stored. */
  readonly isSecret: () => boolean;
  readonly shape: () => Shape;
}

/** The members of an object whose names its schema leaves open. */
export interface OpenMembers {
  readonly pattern: RegExp | null;
  readonly shape: () => Shape;
}

export interface Option {
  readonly value: Json;
  readonly label: string;
  readonly description: string | null;
}

export interface Variant {
  readonly label: string;
  readonly description: string | null;
  readonly shape: () => Shape;
}

export type TextFormat = 'plain' | 'date' | 'date-time' | 'time' | 'email' | 'uri' | 'uuid' | 'base64' | 'password';

export interface TextKind {
  readonly kind: 'text';
  readonly format: TextFormat;
  /** An empty text is a sensible value, as far as format and least length tell. */
  readonly mayBeEmpty: boolean;
  readonly isLong: boolean;
}
export interface NumberKind {
  readonly kind: 'number';
  readonly isWhole: boolean;
}
export interface BooleanKind {
  readonly kind: 'boolean';
}
export interface OptionsKind {
  readonly kind: 'options';
  readonly options: readonly Option[];
}
export interface ConstantKind {
  readonly kind: 'constant';
  readonly value: Json;
}
export interface NullKind {
  readonly kind: 'null';
}
export interface ObjectKind {
  readonly kind: 'object';
  readonly members: readonly Member[];
  readonly open: readonly OpenMembers[];
  /** Names that are not declared are refused. */
  readonly isClosed: boolean;
}
export interface ListKind {
  readonly kind: 'list';
  readonly prefix: readonly (() => Shape)[];
  /** The shape of items after the prefix; null if none may follow. */
  readonly item: (() => Shape) | null;
  readonly min: number;
  readonly max: number | null;
}
export interface ChoiceKind {
  readonly kind: 'choice';
  readonly variants: readonly Variant[];
  /** The member whose constant tells the variants apart. */
  readonly tag: string | null;
}
/** Any JSON, written as text. */
export interface AnyKind {
  readonly kind: 'any';
}

export type Kind =
  | TextKind
  | NumberKind
  | BooleanKind
  | OptionsKind
  | ConstantKind
  | NullKind
  | ObjectKind
  | ListKind
  | ChoiceKind
  | AnyKind;

export interface Facts {
  readonly title: string | null;
  readonly description: string | null;
  readonly isDeprecated: boolean;
  readonly isSecret: boolean;
  readonly isNullable: boolean;
  /** Undefined without a default: null is a default, too. */
  readonly standard: Json | undefined;
  readonly examples: readonly Json[];
  /** Limits in words, such as "1 to 100". */
  readonly limits: readonly string[];
  /** The kind of value in words, such as "whole number". */
  readonly type: string;
}

export type Shape = Facts & Kind;

/** The shape of a certain kind. */
export type ShapeOf<K extends Kind['kind']> = Facts & Extract<Kind, { kind: K }>;
