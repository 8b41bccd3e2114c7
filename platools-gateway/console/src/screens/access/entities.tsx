// Entities: the names under which workers connect, with their secrets and the tokens of their workers.

import { useMemo, useState } from 'preact/hooks';

import { post, remove, segment } from '../../api/rest';
import type { Entity } from '../../api/types';
import { Badge } from '../../ui/badge';
import { Confirm } from '../../ui/dialog';
import { SelectField, TextField } from '../../ui/field';
import { count, plural } from '../../ui/format';
import { Empty, Loaded } from '../../ui/states';
import { Table, type Column } from '../../ui/table';
import { Ago } from '../../ui/time';
import { toast } from '../../ui/toast';
import { ConsequenceList } from './consequence-list';
import { ofDeletingEntity, ofRotatingEntity, type InUse } from './consequences';
import { LIFETIMES } from './credential';
import { useEntities, useEnvironmentList, useUse, type InstallationUse } from './directory';
import { FormDialog } from './form-dialog';
import { SecretDialog, type NewSecret } from './secret-dialog';
import type { SignedToken } from './types';

type Opened = { kind: 'new' } | { kind: 'secret'; secret: NewSecret } | { kind: 'rotate' | 'token' | 'delete'; entity: Entity };

const ADVICE = 'Give it to the worker as PLATOS_SECRET, together with PLATOS_URL.';

export function Entities() {
  const entities = useEntities();
  const use = useUse();
  const [opened, setOpened] = useState<Opened | null>(null);
  const close = () => setOpened(null);
  const shown = (secret: NewSecret) => {
    entities.reload();
    setOpened({ kind: 'secret', secret });
  };
  const columns = useMemo(() => columnsOf(use.data, setOpened), [use.data]);
  const erase = async (entity: Entity) => {
    await remove(`/v1/entities/${segment(entity.id)}`);
    toast(`The entity ${entity.slug} was deleted.`);
    entities.reload();
    use.reload();
  };
  return (
    <div class="stack">
      <div class="row">
        <p class="muted access-lead">Workers connect as an entity, with its secret or a token.</p>
        <button type="button" class="button button-primary" onClick={() => setOpened({ kind: 'new' })}>
          New entity
        </button>
      </div>
      <Loaded resource={entities}>
        {(rows) => <Table label="Entities" columns={columns} rows={rows} keyOf={({ id }) => id} sort="slug" empty={<Empty title="No entities yet">Make one, and start a worker with its secret.</Empty>} note={plural(rows.length, 'entity', 'entities')} />}
      </Loaded>
      {opened?.kind === 'new' && <NewEntity onClose={close} onMade={shown} />}
      {opened?.kind === 'secret' && <SecretDialog {...opened.secret} onClose={close} />}
      {opened?.kind === 'rotate' && <Rotate entity={opened.entity} use={useOf(use.data, opened.entity)} onClose={close} onMade={shown} />}
      {opened?.kind === 'token' && <WorkerToken entity={opened.entity} onClose={close} onMade={shown} />}
      {opened?.kind === 'delete' && (
        <Confirm title={`Delete the entity ${opened.entity.slug}?`} action="Delete the entity" typed={opened.entity.slug} run={() => erase(opened.entity)} onClose={close}>
          <ConsequenceList items={ofDeletingEntity(useOf(use.data, opened.entity))} />
        </Confirm>
      )}
    </div>
  );
}

function useOf(use: InstallationUse | undefined, entity: Entity): InUse {
  const isOwn = ({ entityId }: { entityId: string }) => entityId === entity.id;
  return { workers: use?.workers.filter(isOwn) ?? [], tools: use?.tools.filter(isOwn) ?? [] };
}

interface MakerProps {
  onClose: () => void;
  onMade: (secret: NewSecret) => void;
}

function NewEntity({ onClose, onMade }: MakerProps) {
  const [slug, setSlug] = useState('');
  const [policy, setPolicy] = useState('supersede');
  const run = async () => {
    const made = await post<{ secret: string }>('/v1/entities', { slug: slug.trim(), policy });
    onMade({ title: `The secret of ${slug.trim()}`, secret: made.secret, text: ADVICE });
  };
  return (
    <FormDialog title="New entity" action="Make the entity" run={run} onClose={onClose}>
      <TextField label="Name" hint="It stands in addresses: lower-case letters, digits and hyphens." value={slug} onChange={setSlug} required mono />
      <SelectField
        label="Several workers"
        value={policy}
        onChange={setPolicy}
        options={[
          { value: 'supersede', label: 'A new worker takes the place of the one before' },
          { value: 'pool', label: 'Pool: all stay and share the calls' },
        ]}
      />
    </FormDialog>
  );
}

const GRACES = [
  { value: '0', label: 'At once' },
  { value: '300', label: 'After 5 minutes' },
  { value: '3600', label: 'After 1 hour' },
  { value: '86400', label: 'After 1 day' },
];

function Rotate({ entity, use, onClose, onMade }: MakerProps & { entity: Entity; use: InUse }) {
  const [grace, setGrace] = useState('3600');
  const run = async () => {
    const made = await post<{ secret: string }>(`/v1/entities/${segment(entity.id)}/rotate`, { graceSeconds: Number(grace) });
    onMade({ title: `The new secret of ${entity.slug}`, secret: made.secret, text: ADVICE });
  };
  return (
    <FormDialog title={`Rotate the secret of ${entity.slug}`} action="Make a new secret" run={run} onClose={onClose}>
      <SelectField label="The old secret ends" value={grace} onChange={setGrace} options={GRACES} />
      <ConsequenceList items={ofRotatingEntity(use, Number(grace))} />
    </FormDialog>
  );
}

function WorkerToken({ entity, onClose, onMade }: MakerProps & { entity: Entity }) {
  const environments = useEnvironmentList();
  const [name, setName] = useState('');
  const [environmentId, setEnvironment] = useState('');
  const [ttl, setTtl] = useState('2592000');
  const run = async () => {
    const body = { ttlSeconds: Number(ttl), ...(name.trim() === '' ? {} : { name: name.trim() }), ...(environmentId === '' ? {} : { environmentId }) };
    const made = await post<SignedToken>(`/v1/entities/${segment(entity.id)}/tokens`, body);
    onMade({ title: `A token for workers of ${entity.slug}`, secret: made.token, text: `${ADVICE} It stands in for the secret of the entity, and ends with it.` });
  };
  return (
    <FormDialog title={`New token for workers of ${entity.slug}`} action="Sign the token" run={run} onClose={onClose}>
      <TextField label="Name" hint="For people, such as the machine that uses it." value={name} onChange={setName} maxLength={128} />
      <SelectField label="Environment" value={environmentId} onChange={setEnvironment} options={[{ value: '', label: 'All' }, ...(environments.data ?? []).map(({ id, slug }) => ({ value: id, label: slug }))]} />
      <SelectField label="Ends after" value={ttl} onChange={setTtl} options={LIFETIMES} />
    </FormDialog>
  );
}

function columnsOf(use: InstallationUse | undefined, open: (opened: Opened) => void): Column<Entity>[] {
  const number = (entity: Entity, what: keyof InUse) => (use ? useOf(use, entity)[what].length : -1);
  const shown = (value: number) => (value < 0 ? '–' : count(value));
  return [
    { id: 'slug', title: 'Name', width: 'minmax(9rem, 1.5fr)', sort: ({ slug }) => slug, cell: ({ slug, id }) => <span title={id}>{slug}</span> },
    { id: 'policy', title: 'Workers', width: '7rem', cell: ({ policy }) => (policy === 'pool' ? <Badge tone="accent">pool</Badge> : 'one at a time'), wideOnly: true },
    { id: 'connected', title: 'Connected', width: '6rem', align: 'end', sort: (entity) => number(entity, 'workers'), cell: (entity) => shown(number(entity, 'workers')) },
    { id: 'tools', title: 'Tools', width: '5rem', align: 'end', sort: (entity) => number(entity, 'tools'), cell: (entity) => shown(number(entity, 'tools')), wideOnly: true },
    { id: 'created', title: 'Made', width: '7rem', sort: ({ createdAt }) => createdAt, cell: ({ createdAt }) => <Ago at={createdAt} />, wideOnly: true },
    {
      id: 'actions',
      title: 'Actions',
      width: '16rem',
      align: 'end',
      cell: (entity) => (
        <span class="row access-actions">
          <button type="button" class="button button-small" aria-label={`New token for workers of ${entity.slug}`} onClick={() => open({ kind: 'token', entity })}>
            Token
          </button>
          <button type="button" class="button button-small" aria-label={`Rotate the secret of ${entity.slug}`} onClick={() => open({ kind: 'rotate', entity })}>
            Rotate
          </button>
          <button type="button" class="button button-small button-danger" aria-label={`Delete the entity ${entity.slug}`} onClick={() => open({ kind: 'delete', entity })}>
            Delete
          </button>
        </span>
      ),
    },
  ];
}
