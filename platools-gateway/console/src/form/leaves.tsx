// Fields with one control: texts, numbers, choices among constants, and JSON.

import { useState } from 'preact/hooks';

import { toast } from '../ui/toast';
import { controlId, focusSoon, type FieldProps } from './context';
import { Frame, type ControlProps } from './frame';
import { labelOf } from './label';
import { startFilled, type BooleanNode, type ConstantNode, type JsonNode, type NullNode, type NumberNode, type OptionsNode, type TextNode } from './node';
import type { TextFormat } from './shape';

type Leaf<N> = FieldProps & { readonly node: N };

// A file becomes a third longer as base64, and the gateway reads bodies of 8 MiB.
const MAX_FILE = 5 * 1024 * 1024;
const FEW_OPTIONS = 4;

export function TextField(field: Leaf<TextNode>) {
  const { node, onChange, isSecret } = field;
  const { format } = node.shape;
  const [isShown, show] = useState(false);
  const isCovered = isSecret === true && !isShown;
  const set = (text: string) => onChange({ ...node, text: text === '' && field.isItem !== true ? null : text });
  const control = (props: ControlProps) => <TextControl {...props} text={node.text ?? ''} format={format} isLong={node.shape.isLong} isCovered={isCovered} isSecret={isSecret === true} onText={set} />;
  const actions = (
    <>
      {isSecret === true && (
        <button type="button" class="form-action" aria-pressed={isShown} onClick={() => show(!isShown)}>
          {isShown ? 'Cover' : 'Show'}
        </button>
      )}
      {format === 'date-time' && (
        <button type="button" class="form-action" onClick={() => set(`${new Date().toISOString().slice(0, 19)}Z`)}>
          Now
        </button>
      )}
      {format === 'base64' && <FileButton label={field.label} onText={set} />}
      {node.text === null && node.shape.mayBeEmpty && (
        <button type="button" class="form-action" onClick={() => onChange({ ...node, text: '' })}>
          Empty text<span class="visually-hidden"> for {field.label}</span>
        </button>
      )}
    </>
  );
  return <Frame field={field} control={control} actions={actions} isUnset={node.text === null} hint={emptiness(node)} />;
}

function emptiness(node: TextNode): string | undefined {
  return node.text === '' ? 'An empty text is sent.' : undefined;
}

interface TextControlProps extends ControlProps {
  text: string;
  format: TextFormat;
  isLong: boolean;
  isCovered: boolean;
  isSecret: boolean;
  onText: (text: string) => void;
}

function TextControl({ text, format, isLong, isCovered, isSecret, onText, ...props }: TextControlProps) {
  const common = {
    ...props,
    value: text,
    class: 'input',
    autocomplete: isSecret ? 'new-password' : 'off',
    spellcheck: false,
    placeholder: PLACEHOLDERS[format],
    onInput: (event: InputEvent) => onText((event.currentTarget as HTMLInputElement | HTMLTextAreaElement).value),
  };
  if (isCovered) return <input type="password" {...common} />;
  if (format === 'date' && (text === '' || /^\d{4}-\d{2}-\d{2}$/.test(text))) return <input type="date" {...common} />;
  // An input of one line would drop the line breaks of a text.
  const isOneLine = !text.includes('\n');
  if (isOneLine && format === 'email') return <input type="email" {...common} />;
  if (isOneLine && format === 'uri') return <input type="url" {...common} />;
  if (isOneLine && ONE_LINE.includes(format)) return <input type="text" {...common} />;
  return <textarea rows={isLong ? 3 : 1} {...common} class={format === 'base64' ? 'input form-text mono' : 'input form-text'} />;
}

const ONE_LINE: readonly TextFormat[] = ['date', 'date-time', 'time', 'uuid'];
const PLACEHOLDERS: Readonly<Partial<Record<TextFormat, string>>> = {
  'date-time': 'YYYY-MM-DDThh:mm:ssZ',
  time: 'hh:mm:ss',
  email: 'name@example.com',
  uri: 'https://',
  uuid: '00000000-0000-0000-0000-000000000000',
};

function FileButton({ label, onText }: { label: string; onText: (text: string) => void }) {
  const read = async (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    if (file === undefined) return;
    if (file.size > MAX_FILE) return toast(`${file.name} is too large: a call takes files of 5 MiB at most. Choose a smaller one.`, 'bad');
    onText(base64(new Uint8Array(await file.arrayBuffer())));
    input.value = '';
  };
  return (
    <label class="form-action form-file">
      From a file
      <input type="file" class="visually-hidden" aria-label={`File for ${label}`} onChange={(event) => void read(event)} />
    </label>
  );
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  // `String.fromCharCode` takes its characters as arguments, of which there may not be millions.
  for (let start = 0; start < bytes.length; start += 8192) binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(binary);
}

export function NumberField(field: Leaf<NumberNode>) {
  const { node, onChange } = field;
  const control = (props: ControlProps) => (
    <input
      {...props}
      class="input form-number"
      type="text"
      inputMode={node.shape.isWhole ? 'numeric' : 'decimal'}
      autocomplete="off"
      spellcheck={false}
      value={node.text}
      onInput={(event) => onChange({ ...node, text: event.currentTarget.value })}
    />
  );
  return <Frame field={field} control={control} isUnset={node.text === ''} />;
}

export function BooleanField(field: Leaf<BooleanNode>) {
  const { node, onChange } = field;
  const choices = [
    { key: 'true', label: 'true', isChosen: node.value === true, choose: () => onChange({ ...node, value: true }) },
    { key: 'false', label: 'false', isChosen: node.value === false, choose: () => onChange({ ...node, value: false }) },
  ];
  return <Frame field={field} control={(props) => <Segments {...props} choices={choices} />} isGroup isUnset={node.value === null} />;
}

export function OptionsField(field: Leaf<OptionsNode>) {
  const { node, onChange } = field;
  const { options } = node.shape;
  const set = (index: number | null) => onChange({ ...node, index });
  const isShort = options.length <= FEW_OPTIONS && options.every(({ label }) => label.length <= 24);
  const chosen = node.index === null ? undefined : options[node.index];
  const control = (props: ControlProps) =>
    isShort ? (
      <Segments
        {...props}
        choices={options.map((option, index) => ({ key: String(index), label: option.label, isChosen: index === node.index, choose: () => set(index) }))}
      />
    ) : (
      <Select {...props} labels={options.map(({ label }) => label)} index={node.index} onIndex={set} none={field.isRequired === false ? 'Left out' : 'Choose one'} />
    );
  return <Frame field={field} control={control} isGroup={isShort} isUnset={node.index === null} hint={chosen?.description ?? undefined} />;
}

export function Select({ labels, index, onIndex, none, ...props }: ControlProps & { labels: readonly string[]; index: number | null; onIndex: (index: number | null) => void; none: string }) {
  return (
    <select {...props} class="input" value={index === null ? '' : String(index)} onChange={(event) => onIndex(event.currentTarget.value === '' ? null : Number(event.currentTarget.value))}>
      <option value="">{none}</option>
      {labels.map((label, place) => (
        <option key={place} value={String(place)}>
          {label}
        </option>
      ))}
    </select>
  );
}

export interface SegmentChoice {
  key: string;
  label: string;
  isChosen: boolean;
  choose: () => void;
}

/** A few choices side by side, of which one is chosen. */
export function Segments({ choices, id, ...props }: ControlProps & { choices: readonly SegmentChoice[] }) {
  return (
    <div class="segments" role="radiogroup" {...props}>
      {choices.map((choice, index) => (
        <label key={choice.key} class="segment">
          {/* The first one takes the focus that is moved to the field. */}
          <input type="radio" id={index === 0 ? id : undefined} aria-label={choice.label} name={`${id}-segments`} checked={choice.isChosen} onChange={choice.choose} />
          <span>{choice.label}</span>
        </label>
      ))}
    </div>
  );
}

export function ConstantField(field: Leaf<ConstantNode>) {
  const { node, onChange } = field;
  const label = labelOf(node.shape.value);
  const control = (props: ControlProps) =>
    field.isRequired !== false && node.isSet ? (
      <output id={props.id} class="form-constant mono">
        {label}
      </output>
    ) : (
      <label class="row">
        <input {...props} type="checkbox" checked={node.isSet} onChange={(event) => onChange({ ...node, isSet: event.currentTarget.checked })} />
        <span>
          Send <code>{label}</code>
        </span>
      </label>
    );
  return <Frame field={{ ...field, onLeaveOut: undefined }} control={control} />;
}

export function NullField(field: Leaf<NullNode>) {
  return (
    <Frame
      field={field}
      control={(props) => (
        <output id={props.id} class="form-constant mono">
          null
        </output>
      )}
    />
  );
}

export function JsonField(field: Leaf<JsonNode>) {
  const { node, onChange } = field;
  const isMisfit = node.shape.kind !== 'any';
  const control = (props: ControlProps) => (
    <textarea
      {...props}
      class="input form-text mono"
      rows={2}
      spellcheck={false}
      autocomplete="off"
      placeholder={'JSON, such as "text", 12 or {"name": true}'}
      value={node.text}
      onInput={(event) => onChange({ ...node, text: event.currentTarget.value })}
    />
  );
  const restart = () => {
    const fresh = startFilled(node.shape);
    onChange(fresh);
    focusSoon(controlId(fresh));
  };
  const actions = isMisfit && (
    <button type="button" class="form-action" onClick={restart}>
      Use the form<span class="visually-hidden"> for {field.label}</span>
    </button>
  );
  return <Frame field={field} control={control} actions={actions} isUnset={node.text === ''} hint={isMisfit ? 'This value has another form than the field, so it is shown as JSON.' : undefined} />;
}
