// What all fields of one form share.

import { createContext, type ComponentType } from 'preact';
import { useContext } from 'preact/hooks';

import type { Node } from './node';
import { NO_PROBLEMS, type PlacedProblems } from './problems';

/** The field of one node. */
export interface FieldProps {
  readonly node: Node;
  readonly onChange: (node: Node) => void;
  /** The JSON pointer of the value. */
  readonly pointer: string;
  readonly label: string;
  /** The label is there for screen readers only, because what stands around the field says it. */
  readonly isLabelHidden?: boolean;
  readonly isRequired?: boolean;
  readonly isSecret?: boolean;
  /** Leaves the value out; absent where it may not be left out. */
  readonly onLeaveOut?: (() => void) | undefined;
  /** The value stands in a list or map, where it cannot be left out. */
  readonly isItem?: boolean;
  /** Problems at the pointer are shown by the field around this one. */
  readonly isWithinChoice?: boolean;
  /** The member that the choice around this field decides. */
  readonly tag?: string | null;
}

export interface FormContext {
  readonly problems: PlacedProblems;
  /** The field of any node. Groups have their parts shown by it, without knowing all kinds. */
  readonly Field: ComponentType<FieldProps>;
  /** Tells screen readers about a change elsewhere than at the focus. */
  readonly announce: (text: string) => void;
}

export const Form = createContext<FormContext>({ problems: NO_PROBLEMS, Field: () => null, announce: () => undefined });

export const useForm = (): FormContext => useContext(Form);

export function useProblems({ pointer, isWithinChoice }: Pick<FieldProps, 'pointer' | 'isWithinChoice'>): readonly string[] {
  const { problems } = useForm();
  return isWithinChoice === true ? [] : (problems.get(pointer) ?? []);
}

/** Moves the focus once the change that was just made is on the page. */
export function focusSoon(id: string): void {
  requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(id)?.focus()));
}

/** Moves the focus to the first control of a field. */
export function focusWithin(id: string): void {
  requestAnimationFrame(() => requestAnimationFrame(() => firstControl(document.getElementById(id))?.focus()));
}

export function firstControl(element: Element | null): HTMLElement | null {
  return element?.querySelector<HTMLElement>('input:not([disabled]), textarea, select, button') ?? null;
}

export const controlId = (node: Node): string => `field-${node.id}`;
export const frameId = (node: Node): string => `frame-${node.id}`;
