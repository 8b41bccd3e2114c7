// SchemaDoc: a schema as a person reads it. Parts open when they are asked for, so a recursive schema goes as deep as its reader.

import { useState } from 'preact/hooks';

import { labelOf } from '../../form/label';
import type { Schema } from '../../form/merge';
import { readSchema } from '../../form/read';
import type { Member, Shape } from '../../form/shape';
import { Badge } from '../../ui/badge';
import { plural } from '../../ui/format';
import './tool.css';

const OPEN_DEPTH = 2;

export function SchemaDoc({ schema, none }: { schema: Schema; none: string }) {
  const shape = readSchema(schema);
  if (shape.kind === 'object' && shape.members.length === 0 && shape.open.length === 0) return <p class="muted">{none}</p>;
  return (
    <div class="schema-doc">
      <About shape={shape} />
      <Parts shape={shape} depth={0} isRoot />
    </div>
  );
}

function MemberDoc({ member, depth }: { member: Member; depth: number }) {
  const shape = member.shape();
  return (
    <li>
      <p class="schema-head">
        <code class="schema-name">{member.name}</code>
        <span class="form-type">{typeOf(shape)}</span>
        {member.isRequired ? <Badge tone="accent">required</Badge> : null}
        {shape.isDeprecated && <Badge tone="warn">deprecated</Badge>}
        {member.isSecret() && <Badge tone="neutral">secret</Badge>}
      </p>
      <About shape={shape} />
      <Parts shape={shape} depth={depth} />
    </li>
  );
}

function About({ shape }: { shape: Shape }) {
  const facts = [
    ...shape.limits,
    ...(shape.standard === undefined ? [] : [`default ${labelOf(shape.standard)}`]),
    ...(shape.examples.length === 0 ? [] : [`for example ${shape.examples.slice(0, 3).map(labelOf).join(', ')}`]),
  ];
  return (
    <>
      {shape.description !== null && <p class="form-description">{shape.description}</p>}
      {facts.length > 0 && <p class="form-hint">{facts.join(' · ')}</p>}
    </>
  );
}

function Parts({ shape, depth, isRoot = false }: { shape: Shape; depth: number; isRoot?: boolean }) {
  switch (shape.kind) {
    case 'object': {
      const parts = (
        <ul>
          {shape.members.map((member) => (
            <MemberDoc key={member.name} member={member} depth={depth + 1} />
          ))}
          {shape.open.map(({ pattern, shape: inner }, index) => (
            <li key={`open ${index}`}>
              <p class="schema-head">
                <span class="muted">{pattern === null ? 'any other name' : `names that match ${pattern.source}`}</span> <span class="form-type">{typeOf(inner())}</span>
              </p>
              <Parts shape={inner()} depth={depth + 1} />
            </li>
          ))}
        </ul>
      );
      return isRoot ? parts : <Opened label={plural(shape.members.length + shape.open.length, 'member')} depth={depth} content={() => parts} />;
    }
    case 'list':
      return <ListDoc shape={shape} depth={depth} />;
    case 'options':
      return (
        <ul class="schema-options">
          {shape.options.map((option) => (
            <li key={option.label}>
              <code>{option.label}</code>
              {option.description !== null && <span class="muted"> {option.description}</span>}
            </li>
          ))}
        </ul>
      );
    case 'constant':
      return (
        <p class="small">
          always <code>{labelOf(shape.value)}</code>
        </p>
      );
    case 'choice':
      return (
        <ul>
          {shape.variants.map((variant) => (
            <li key={variant.label}>
              <p class="schema-head">
                <span class="muted">either</span> <code class="schema-name">{variant.label}</code>
              </p>
              {variant.description !== null && <p class="form-description">{variant.description}</p>}
              <Opened label="parts" depth={depth + 1} content={() => <VariantDoc shape={variant.shape()} tag={shape.tag} depth={depth + 1} />} />
            </li>
          ))}
        </ul>
      );
    default:
      return null;
  }
}

function VariantDoc({ shape, tag, depth }: { shape: Shape; tag: string | null; depth: number }) {
  if (shape.kind !== 'object') {
    return (
      <>
        <p class="form-type">{typeOf(shape)}</p>
        <Parts shape={shape} depth={depth} />
      </>
    );
  }
  return (
    <ul>
      {shape.members.map((member) => (member.name === tag ? <TagDoc key={member.name} member={member} /> : <MemberDoc key={member.name} member={member} depth={depth + 1} />))}
    </ul>
  );
}

function TagDoc({ member }: { member: Member }) {
  const shape = member.shape();
  return (
    <li>
      <p class="schema-head">
        <code class="schema-name">{member.name}</code>
        <span class="form-type">{shape.kind === 'constant' ? `always ${labelOf(shape.value)}` : typeOf(shape)}</span>
      </p>
    </li>
  );
}

function ListDoc({ shape, depth }: { shape: Extract<Shape, { kind: 'list' }>; depth: number }) {
  const item = shape.item?.() ?? null;
  return (
    <ol class="schema-items">
      {shape.prefix.map((inner, index) => (
        <li key={index}>
          <p class="schema-head">
            <span class="muted">item {index + 1}</span> <span class="form-type">{typeOf(inner())}</span>
          </p>
          <About shape={inner()} />
          <Parts shape={inner()} depth={depth + 1} />
        </li>
      ))}
      {item !== null && item.kind !== 'any' && (
        <li>
          <p class="schema-head">
            <span class="muted">{shape.prefix.length === 0 ? 'each item' : 'each further item'}</span> <span class="form-type">{typeOf(item)}</span>
          </p>
          <About shape={item} />
          <Parts shape={item} depth={depth + 1} />
        </li>
      )}
    </ol>
  );
}

function Opened({ label, depth, content }: { label: string; depth: number; content: () => preact.ComponentChildren }) {
  const [isOpen, setOpen] = useState(depth <= OPEN_DEPTH);
  return (
    <details open={isOpen} onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary class="small muted">{label}</summary>
      {isOpen && content()}
    </details>
  );
}

const typeOf = (shape: Shape): string => (shape.isNullable ? `${shape.type} or null` : shape.type);
