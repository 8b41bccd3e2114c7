// The frame of a field: label, description, control, limits, problems and the buttons of the field.

import type { ComponentChildren } from 'preact';

import { write } from '../json';
import { Badge } from '../ui/badge';
import { controlId, frameId, useProblems, type FieldProps } from './context';
import { labelOf, sentence } from './label';
import { load, startFilled, startItem, newId, type Node } from './node';
import type { Shape } from './shape';

/** The attributes that tie a control to its label, description and problems. */
export interface ControlProps {
  id: string;
  /** Of a group of controls, which no `for` of a label can name. */
  'aria-labelledby'?: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
  'aria-required': boolean | undefined;
}

interface FrameProps {
  field: FieldProps;
  control: (props: ControlProps) => ComponentChildren;
  /** Buttons of the kind of field, before those that all fields have. */
  actions?: ComponentChildren;
  /** The control is a group. A click on its label must not choose its first choice. */
  isGroup?: boolean;
  /** The value is left out at present. */
  isUnset?: boolean;
  hint?: ComponentChildren;
}

/** A field with one control. */
export function Frame({ field, control, actions, isGroup = false, isUnset = false, hint }: FrameProps) {
  const { node, label } = field;
  const problems = useProblems(field);
  const id = controlId(node);
  const described = describedBy(node, problems);
  return (
    <div class="form-field" id={frameId(node)} data-fault={problems.length > 0 ? '' : undefined}>
      <div class={field.isLabelHidden === true ? 'form-head visually-hidden' : 'form-head'}>
        {isGroup ? (
          <span class="form-label" id={`${id}-label`}>
            {label}
          </span>
        ) : (
          <label class="form-label" for={id}>
            {label}
          </label>
        )}
        <Marks field={field} />
      </div>
      <Description node={node} />
      <div class="form-control">
        {control({
          id,
          ...(isGroup ? { 'aria-labelledby': `${id}-label` } : {}),
          'aria-describedby': described,
          'aria-invalid': problems.length > 0 ? true : undefined,
          'aria-required': field.isRequired === true ? true : undefined,
        })}
      </div>
      <Hints field={field} hint={hint} />
      <Faults node={node} problems={problems} />
      <div class="form-actions">
        {actions}
        <ValueActions field={field} isUnset={isUnset} />
      </div>
    </div>
  );
}

/** A field with several controls. */
export function Group({ field, children, actions }: { field: FieldProps; children: ComponentChildren; actions?: ComponentChildren }) {
  const problems = useProblems(field);
  const { node, label } = field;
  return (
    <fieldset class="form-group" id={frameId(node)} tabIndex={-1} aria-describedby={describedBy(node, problems)} data-fault={problems.length > 0 ? '' : undefined}>
      <legend class={field.isLabelHidden === true ? 'visually-hidden' : 'form-head'}>
        <span class="form-label">{label}</span>
        <Marks field={field} />
      </legend>
      <Description node={node} />
      <Hints field={field} />
      <Faults node={node} problems={problems} />
      <div class="form-nested">{children}</div>
      <div class="form-actions">
        {actions}
        <ValueActions field={field} isUnset={false} />
      </div>
    </fieldset>
  );
}

/** The kind of value, and whether it may be left out. */
export function Marks({ field }: { field: Pick<FieldProps, 'node' | 'isRequired' | 'isItem'> }) {
  const { shape } = field.node;
  return (
    <>
      <span class="form-type">{[typeText(shape), field.isRequired === false && field.isItem !== true ? 'optional' : ''].filter((part) => part !== '').join(', ')}</span>
      {shape.isDeprecated && <Badge tone="warn">deprecated</Badge>}
    </>
  );
}

function typeText(shape: Shape): string {
  if (shape.kind === 'options' || shape.kind === 'choice' || shape.kind === 'constant') return shape.isNullable ? 'or null' : '';
  return shape.isNullable ? `${shape.type} or null` : shape.type;
}

export function Description({ node }: { node: Node }) {
  const { description } = node.shape;
  return description === null ? null : (
    <p class="form-description" id={`${controlId(node)}-description`}>
      {description}
    </p>
  );
}

function Hints({ field, hint }: { field: FieldProps; hint?: ComponentChildren }) {
  const { node, onChange } = field;
  const { limits, standard, examples } = node.shape;
  const words = [...limits, ...(standard === undefined || standard === null ? [] : [`default ${shortened(labelOf(standard))}`])];
  if (words.length === 0 && examples.length === 0 && hint === undefined) return null;
  return (
    <p class="form-hint" id={`${controlId(node)}-hint`}>
      {words.join(' · ')}
      {hint}
      {examples.slice(0, 4).map((example) => (
        <button type="button" class="form-example" key={write(example)} onClick={() => onChange({ ...load(node.shape, example), id: node.id })}>
          <span class="visually-hidden">Use the example </span>
          {shortened(labelOf(example))}
        </button>
      ))}
    </p>
  );
}

function Faults({ node, problems }: { node: Node; problems: readonly string[] }) {
  if (problems.length === 0) return null;
  return (
    <ul class="form-faults" id={`${controlId(node)}-fault`}>
      {problems.map((problem) => (
        <li key={problem}>{sentence(problem)}</li>
      ))}
    </ul>
  );
}

/** Null, left out, or a value again. */
function ValueActions({ field, isUnset }: { field: FieldProps; isUnset: boolean }) {
  const { node, onChange, onLeaveOut, isItem, label } = field;
  const { shape } = node;
  const offersNull = shape.isNullable && node.kind !== 'null';
  return (
    <>
      {offersNull && (
        <button type="button" class="form-action" onClick={() => onChange({ id: newId(), kind: 'null', shape })}>
          null<span class="visually-hidden"> for {label}</span>
        </button>
      )}
      {shape.isNullable && node.kind === 'null' && (
        <button type="button" class="form-action" onClick={() => onChange(isItem === true ? withoutNull(shape) : startFilled(shape))}>
          Set a value<span class="visually-hidden"> for {label}</span>
        </button>
      )}
      {onLeaveOut !== undefined && !isUnset && (
        <button type="button" class="form-action" onClick={onLeaveOut}>
          Leave out<span class="visually-hidden"> {label}</span>
        </button>
      )}
    </>
  );
}

function withoutNull(shape: Shape): Node {
  const node = startItem(shape);
  return node.kind === 'null' ? startFilled(shape) : node;
}

export function describedBy(node: Node, problems: readonly string[]): string | undefined {
  const { description, limits, standard, examples } = node.shape;
  const id = controlId(node);
  const parts = [
    description === null ? '' : `${id}-description`,
    limits.length > 0 || (standard !== undefined && standard !== null) || examples.length > 0 ? `${id}-hint` : '',
    problems.length > 0 ? `${id}-fault` : '',
  ];
  return parts.filter(Boolean).join(' ') || undefined;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 58)}…` : text;
}
