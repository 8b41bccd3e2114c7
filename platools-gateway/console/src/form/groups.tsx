// Fields with parts: objects, maps, lists and choices among schemas.

import { pointerTo } from '../json';
import { CloseIcon } from '../ui/icons';
import { controlId, focusSoon, focusWithin, frameId, useForm, type FieldProps } from './context';
import { Frame, Group, Marks } from './frame';
import { Segments, Select } from './leaves';
import { absent, anyShape, newId, start, startFilled, startItem, type ChoiceNode, type Entry, type ListNode, type Node, type ObjectNode, type Slot } from './node';
import type { OpenMembers } from './shape';
import { switchVariant } from './variant';

type Parts<N> = FieldProps & { readonly node: N };

const FEW_VARIANTS = 4;

export function ObjectField(field: Parts<ObjectNode>) {
  return (
    <Group field={field}>
      <Members {...field} />
    </Group>
  );
}

/** The members of an object, without a frame around them. */
export function Members({ node, onChange, pointer, tag = null }: Pick<Parts<ObjectNode>, 'node' | 'onChange' | 'pointer' | 'tag'>) {
  const slots = node.slots.filter(({ member }) => member.name !== tag);
  const setSlot = (name: string, next: Node | null) =>
    onChange({ ...node, slots: node.slots.map((slot) => (slot.member.name === name ? { ...slot, node: next } : slot)) });
  return (
    <>
      {slots.map((slot) => (
        <SlotField key={slot.member.name} slot={slot} pointer={pointerTo(pointer, slot.member.name)} onNode={(next) => setSlot(slot.member.name, next)} />
      ))}
      {(node.entries.length > 0 || node.shape.open.length > 0) && <Entries node={node} onChange={onChange} pointer={pointer} />}
      {slots.length === 0 && node.entries.length === 0 && node.shape.open.length === 0 && <p class="muted small">Nothing to fill in.</p>}
    </>
  );
}

function SlotField({ slot, pointer, onNode }: { slot: Slot; pointer: string; onNode: (node: Node | null) => void }) {
  const { Field } = useForm();
  const { member, node } = slot;
  if (node === null) return <LeftOut slot={slot} pointer={pointer} onAdd={onNode} />;
  const leaveOut = () => {
    const next = absent(member);
    onNode(next);
    focusSoon(next === null ? addId(pointer) : controlId(next));
  };
  return (
    <Field
      node={node}
      onChange={onNode}
      pointer={pointer}
      label={member.name}
      isRequired={member.isRequired}
      isSecret={member.isSecret()}
      onLeaveOut={member.isRequired ? undefined : leaveOut}
    />
  );
}

/** A group or list that is left out. */
function LeftOut({ slot, pointer, onAdd }: { slot: Slot; pointer: string; onAdd: (node: Node) => void }) {
  const { problems } = useForm();
  const { member } = slot;
  const shape = member.shape();
  const messages = problems.get(pointer) ?? [];
  const preview: Node = { id: 0, kind: 'json', shape, text: '' };
  const add = () => {
    const begun = start(shape);
    const node = begun.kind === 'null' && shape.kind !== 'null' ? startFilled(shape) : begun;
    onAdd(node.kind === 'list' && node.items.length === 0 && node.shape.item !== null ? { ...node, items: [startItem(node.shape.item())] } : node);
    focusWithin(frameId(node));
  };
  return (
    <div class="form-field" data-fault={messages.length > 0 ? '' : undefined}>
      <div class="form-head">
        <span class="form-label">{member.name}</span>
        <Marks field={{ node: preview, isRequired: member.isRequired }} />
      </div>
      {shape.description !== null && <p class="form-description">{shape.description}</p>}
      <div class="form-control">
        <button type="button" class="button button-small" id={addId(pointer)} onClick={add}>
          Add {member.name}
        </button>
      </div>
      {messages.length > 0 && (
        <ul class="form-faults">
          {messages.map((message) => (
            <li key={message}>{message}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

const addId = (pointer: string): string => `add-${pointer}`;

/** The members of an object whose names its schema leaves open. */
function Entries({ node, onChange, pointer }: Pick<Parts<ObjectNode>, 'node' | 'onChange' | 'pointer'>) {
  const { Field, announce } = useForm();
  const setEntry = (id: number, change: (entry: Entry) => Entry) =>
    onChange({ ...node, entries: node.entries.map((entry) => (entry.id === id ? change(entry) : entry)) });
  const remove = (entry: Entry) => {
    onChange({ ...node, entries: node.entries.filter(({ id }) => id !== entry.id) });
    announce(`The entry ${entry.name} was removed.`);
    focusSoon(`${controlId(node)}-add`);
  };
  const add = (open: OpenMembers | undefined) => {
    const entry = { id: newId(), name: '', node: startItem((open?.shape ?? anyShape)()) };
    onChange({ ...node, entries: [...node.entries, entry] });
    focusSoon(`entry-${entry.id}`);
  };
  return (
    <div class="form-entries">
      {node.entries.map((entry) => (
        <div class="form-entry" key={entry.id}>
          <div class="form-field form-entry-name">
            <label class="form-head form-label" for={`entry-${entry.id}`}>
              Name
            </label>
            <div class="form-control">
              <input
                id={`entry-${entry.id}`}
                class="input mono"
                type="text"
                autocomplete="off"
                spellcheck={false}
                value={entry.name}
                onInput={(event) => setEntry(entry.id, (old) => ({ ...old, name: event.currentTarget.value }))}
              />
            </div>
          </div>
          <Field node={entry.node} onChange={(next) => setEntry(entry.id, (old) => ({ ...old, node: next }))} pointer={pointerTo(pointer, entry.name)} label="Value" isItem />
          <button type="button" class="button button-plain button-small button-icon form-remove" aria-label={`Remove the entry ${entry.name}`} onClick={() => remove(entry)}>
            <CloseIcon />
          </button>
        </div>
      ))}
      {node.shape.open.length > 0 && (
        <button type="button" class="button button-small" id={`${controlId(node)}-add`} onClick={() => add(node.shape.open[0])}>
          Add an entry
        </button>
      )}
    </div>
  );
}

export function ListField(field: Parts<ListNode>) {
  const { Field, announce } = useForm();
  const { node, onChange, pointer, label } = field;
  const { prefix, item, max } = node.shape;
  const setItems = (items: readonly Node[]) => onChange({ ...node, items });
  const add = () => {
    const begun = startItem((prefix[node.items.length] ?? item ?? anyShape)());
    setItems([...node.items, begun]);
    focusWithin(frameId(begun));
  };
  const remove = (index: number) => {
    setItems(node.items.filter((_, place) => place !== index));
    announce(`Item ${index + 1} of ${label} was removed.`);
    const next = node.items[index + 1];
    focusSoon(next === undefined ? `${controlId(node)}-add` : removeId(next));
  };
  const move = (index: number, by: 1 | -1) => {
    const items = [...node.items];
    const [moved] = items.splice(index, 1);
    if (moved === undefined) return;
    items.splice(index + by, 0, moved);
    setItems(items);
    announce(`Item ${index + 1} of ${label} is now item ${index + by + 1}.`);
    focusSoon(moveId(moved, by));
  };
  const isFull = (item === null && node.items.length >= prefix.length) || (max !== null && node.items.length >= max);
  return (
    <Group field={field}>
      {node.items.map((inner, index) => {
        const isFixed = index < prefix.length;
        return (
          <div class="form-item" key={inner.id}>
            <Field
              node={inner}
              onChange={(next) => setItems(node.items.map((old, place) => (place === index ? next : old)))}
              pointer={pointerTo(pointer, index)}
              label={itemLabel(inner, index)}
              isItem
            />
            {!isFixed && (
              <div class="form-item-actions">
                <MoveButton id={moveId(inner, -1)} label={`Move item ${index + 1} up`} sign="↑" isOff={index <= prefix.length} onMove={() => move(index, -1)} />
                <MoveButton id={moveId(inner, 1)} label={`Move item ${index + 1} down`} sign="↓" isOff={index === node.items.length - 1} onMove={() => move(index, 1)} />
                <button type="button" class="button button-plain button-small button-icon" id={removeId(inner)} aria-label={`Remove item ${index + 1}`} onClick={() => remove(index)}>
                  <CloseIcon />
                </button>
              </div>
            )}
          </div>
        );
      })}
      {!isFull && (
        <button type="button" class="button button-small" id={`${controlId(node)}-add`} onClick={add}>
          Add an item<span class="visually-hidden"> to {label}</span>
        </button>
      )}
    </Group>
  );
}

function itemLabel(node: Node, index: number): string {
  return node.shape.title === null ? `Item ${index + 1}` : `${node.shape.title} ${index + 1}`;
}

/** A button that stays focusable at the ends of a list, so that the focus does not get lost there. */
function MoveButton({ id, label, sign, isOff, onMove }: { id: string; label: string; sign: string; isOff: boolean; onMove: () => void }) {
  return (
    <button type="button" class="button button-plain button-small button-icon" id={id} aria-label={label} aria-disabled={isOff} onClick={() => !isOff && onMove()}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

const moveId = (node: Node, by: 1 | -1): string => `move-${node.id}-${by === 1 ? 'down' : 'up'}`;
const removeId = (node: Node): string => `remove-${node.id}`;

export function ChoiceField(field: Parts<ChoiceNode>) {
  const { Field } = useForm();
  const { node, onChange, pointer } = field;
  const { variants } = node.shape;
  const choose = (index: number | null) => onChange(switchVariant(node, index));
  const variant = node.index === null ? undefined : variants[node.index];
  const isShort = variants.length <= FEW_VARIANTS && variants.every(({ label }) => label.length <= 24);
  return (
    <div class="form-choice">
      <Frame
        field={field}
        isGroup={isShort}
        isUnset={node.index === null && field.isRequired !== false}
        hint={variant?.description === node.shape.description ? undefined : (variant?.description ?? undefined)}
        control={(props) =>
          isShort ? (
            <Segments
              {...props}
              choices={variants.map(({ label }, index) => ({ key: String(index), label, isChosen: index === node.index, choose: () => choose(index) }))}
            />
          ) : (
            <Select {...props} labels={variants.map(({ label }) => label)} index={node.index} onIndex={choose} none="Choose one" />
          )
        }
      />
      {node.node !== null && variant !== undefined && (
        <VariantParts field={field} inner={node.node} label={variant.label} Field={Field} onInner={(inner) => onChange({ ...node, node: inner })} pointer={pointer} />
      )}
    </div>
  );
}

interface VariantProps {
  field: Parts<ChoiceNode>;
  inner: Node;
  label: string;
  Field: ReturnType<typeof useForm>['Field'];
  onInner: (node: Node) => void;
  pointer: string;
}

/** The value of the chosen variant. Its name is chosen already, so that it is not repeated where nothing else is to be said. */
function VariantParts({ field, inner, label, Field, onInner, pointer }: VariantProps) {
  if (inner.kind === 'constant' || (inner.kind === 'null' && inner.shape.kind === 'null')) return null;
  if (inner.kind !== 'object') {
    return (
      <div class="form-nested">
        <Field node={inner} onChange={onInner} pointer={pointer} label={label} isLabelHidden isWithinChoice isItem {...(field.isSecret === undefined ? {} : { isSecret: field.isSecret })} />
      </div>
    );
  }
  const isOnlyTag = inner.entries.length === 0 && inner.shape.open.length === 0 && inner.slots.every(({ member }) => member.name === field.node.shape.tag);
  if (isOnlyTag) return null;
  return (
    <div class="form-nested" role="group" aria-label={label}>
      <Members node={inner} onChange={onInner} pointer={pointer} tag={field.node.shape.tag} />
    </div>
  );
}
