// ResultView: the result of a call as what it is: a table, a text, images and sounds; and always as JSON.

import { useMemo, useState } from 'preact/hooks';

import { JsonNumber, write, type Json, type JsonObject } from '../json';
import { CopyButton } from './copy';
import { bytes } from './format';
import { Json as JsonTree } from './json';
import './result.css';
import { blocksOf, cellText, isNumeric, structuredOf, tableOf, truncatedOf, type Block, type TableResult } from './result-kinds';
import { Notice } from './states';
import { Table, type Column } from './table';
import { Tabs, type Tab } from './tabs';

export function ResultView({ value, label = 'Result' }: { value: Json; label?: string }) {
  const tabs = useMemo(() => tabsOf(value, label), [value, label]);
  const [chosen, choose] = useState<string | null>(null);
  const selected = tabs.some(({ id }) => id === chosen) ? chosen : tabs[0]?.id;
  return (
    <div class="result">
      <div class="result-copy">
        <CopyButton text={() => (typeof value === 'string' && selected !== 'json' ? value : write(value, '  '))} plain />
      </div>
      <Tabs label={`${label} as`} tabs={tabs} selected={selected ?? 'json'} onSelect={choose} />
    </div>
  );
}

function tabsOf(value: Json, label: string): Tab[] {
  const tabs: Tab[] = [];
  const truncated = truncatedOf(value);
  const blocks = blocksOf(value);
  const shown = blocks === null ? value : (structuredOf(value) ?? null);
  const table = tableOf(shown);
  if (truncated !== null) {
    tabs.push({
      id: 'preview',
      label: 'Beginning',
      content: () => (
        <div class="stack">
          <Notice tone="warn">
            The result has {bytes(truncated.bytes)}, which is more than a call is answered with, so this is its beginning. Let the tool return less, or pages.
          </Notice>
          <Text text={truncated.preview} label={label} />
        </div>
      ),
    });
  }
  if (blocks !== null) tabs.push({ id: 'content', label: 'Content', content: () => <Blocks blocks={blocks} /> });
  const rows = table === null ? [] : [{ id: 'table', label: table.member === null ? 'Table' : `Table of ${table.member}`, content: () => <Rows table={table} label={label} /> }];
  if (table?.isMain === true) tabs.push(...rows);
  if (typeof value === 'string') tabs.push({ id: 'text', label: 'Text', content: () => <Text text={value} label={label} /> });
  tabs.push({ id: 'json', label: 'JSON', content: () => <JsonTree value={value} label={`${label} as JSON`} open={3} /> });
  if (table?.isMain === false) tabs.push(...rows);
  return tabs;
}

function Text({ text, label }: { text: string; label: string }) {
  if (text === '') return <p class="muted">An empty text.</p>;
  return (
    <pre class="code result-text" tabIndex={0} role="region" aria-label={`${label} as text`}>
      {text}
    </pre>
  );
}

function Rows({ table, label }: { table: TableResult; label: string }) {
  const keys = useMemo(() => new Map(table.rows.map((row, index) => [row, String(index)])), [table]);
  const columns: Column<JsonObject>[] = table.columns.map((name) => ({
    id: name,
    title: name,
    width: 'minmax(6rem, 1fr)',
    cell: (row) => <span title={cellText(row.get(name))}>{cellText(row.get(name))}</span>,
    sort: (row) => sortKey(row.get(name)),
    ...(isNumeric(table.rows, name) ? { align: 'end' as const } : {}),
  }));
  return <Table label={`${label} as a table`} columns={columns} rows={table.rows as JsonObject[]} keyOf={(row) => keys.get(row) ?? ''} height="28rem" note={count(table)} />;
}

const count = ({ rows }: TableResult): string => (rows.length === 1 ? '1 row' : `${rows.length} rows`);

function sortKey(value: Json | undefined): string | number {
  return value instanceof JsonNumber ? Number(value.text) : cellText(value).toLowerCase();
}

function Blocks({ blocks }: { blocks: readonly Block[] }) {
  if (blocks.length === 0) return <p class="muted">The content has no blocks.</p>;
  return (
    <ol class="result-blocks">
      {blocks.map((block, index) => (
        <li key={index}>
          <BlockView block={block} place={index + 1} />
        </li>
      ))}
    </ol>
  );
}

function BlockView({ block, place }: { block: Block; place: number }) {
  switch (block.kind) {
    case 'text':
      return <Text text={block.text} label={`Block ${place}`} />;
    case 'image':
      return <Picture mimeType={block.mimeType} data={block.data} place={place} />;
    case 'audio':
      return (
        <figure class="result-figure">
          <audio controls src={`data:${block.mimeType};base64,${block.data}`} aria-label={`Sound of block ${place}`} />
          <figcaption>{caption(block.mimeType, block.data)}</figcaption>
        </figure>
      );
    case 'resource':
      return <Resource block={block} place={place} />;
    case 'link':
      return (
        <div class="result-figure">
          <p>
            {block.name ?? 'Resource'} <code class="wrap">{block.uri}</code>
          </p>
          {block.description !== null && <p class="muted small">{block.description}</p>}
        </div>
      );
    case 'other':
      return <JsonTree value={block.value} label={`Block ${place}`} />;
  }
}

function Picture({ mimeType, data, place }: { mimeType: string; data: string; place: number }) {
  const [isBroken, setBroken] = useState(false);
  return (
    <figure class="result-figure">
      {isBroken ? (
        <Notice tone="warn">The data of this image is not {mimeType}.</Notice>
      ) : (
        <img src={`data:${mimeType};base64,${data}`} alt={`Image of block ${place}`} onError={() => setBroken(true)} />
      )}
      <figcaption>
        {caption(mimeType, data)} <SaveButton mimeType={mimeType} data={data} name={`image-${place}`} />
      </figcaption>
    </figure>
  );
}

function Resource({ block, place }: { block: Extract<Block, { kind: 'resource' }>; place: number }) {
  return (
    <div class="result-figure">
      <p>
        <code class="wrap">{block.uri}</code> <span class="muted small">{block.mimeType}</span>
      </p>
      {block.text !== null && <Text text={block.text} label={`Resource of block ${place}`} />}
      {block.blob !== null && (
        <p class="row">
          <span class="muted small">{caption(block.mimeType ?? 'binary data', block.blob)}</span>
          <SaveButton mimeType={block.mimeType ?? 'application/octet-stream'} data={block.blob} name={`resource-${place}`} />
        </p>
      )}
    </div>
  );
}

const caption = (mimeType: string, data: string): string => `${mimeType}, ${bytes(Math.floor((data.length * 3) / 4))}`;

function SaveButton({ mimeType, data, name }: { mimeType: string; data: string; name: string }) {
  const save = () => {
    const binary = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    // The type of the file is fixed, so that the browser saves it and never opens it as a page of this origin.
    const address = URL.createObjectURL(new Blob([binary], { type: 'application/octet-stream' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = `${name}.${/^[a-z]+\/([a-z0-9]+)/i.exec(mimeType)?.[1] ?? 'bin'}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  };
  return (
    <button type="button" class="button button-small button-plain" onClick={save}>
      Save<span class="visually-hidden"> {name}</span>
    </button>
  );
}
