// JSON view: a tree that opens and closes. Texts from outside are text nodes, never markup.

import type { JSX } from 'preact';

import { JsonNumber } from '../json';

/** Items of an array or members of an object that are shown at once. */
const SHOWN = 200;

export function Json({ value, label = 'JSON', open = 2 }: { value: unknown; label?: string; open?: number }) {
  return (
    <div class="json" tabIndex={0} role="region" aria-label={label}>
      <Node value={value} depth={0} open={open} />
    </div>
  );
}

function Node({ value, depth, open }: { value: unknown; depth: number; open: number }): JSX.Element {
  if (Array.isArray(value)) return <Group entries={value.map((item) => [null, item])} brackets="[]" depth={depth} open={open} />;
  if (value instanceof JsonNumber) return <span class="json-number">{value.text}</span>;
  if (value instanceof Map) return <Group entries={[...(value as Map<string, unknown>)]} brackets="{}" depth={depth} open={open} />;
  if (typeof value === 'object' && value !== null) return <Group entries={Object.entries(value)} brackets="{}" depth={depth} open={open} />;
  if (typeof value === 'string') return <span class="json-string">{JSON.stringify(value)}</span>;
  if (typeof value === 'number') return <span class="json-number">{String(value)}</span>;
  return <span class="json-word">{String(value)}</span>;
}

function Group({ entries, brackets, depth, open }: { entries: [string | null, unknown][]; brackets: string; depth: number; open: number }) {
  if (entries.length === 0) return <span>{brackets}</span>;
  const unit = brackets === '[]' ? (entries.length === 1 ? 'item' : 'items') : entries.length === 1 ? 'member' : 'members';
  return (
    <details open={depth < open}>
      <summary>
        {brackets[0]}
        <span class="faint"> {entries.length} {unit} </span>
        {brackets[1]}
      </summary>
      <ul>
        {entries.slice(0, SHOWN).map(([key, item], index) => (
          <li key={key ?? index}>
            {key !== null && <span class="json-key">{JSON.stringify(key)}: </span>}
            <Node value={item} depth={depth + 1} open={open} />
          </li>
        ))}
        {entries.length > SHOWN && <li class="faint">… and {entries.length - SHOWN} more</li>}
      </ul>
    </details>
  );
}

/** JSON as text with indents. */
export const pretty = (value: unknown): string => JSON.stringify(value, null, 2) ?? 'null';
