// Keys: the keys of callers and agents, made, shown once and revoked.

import { useMemo, useState } from 'preact/hooks';

import { post, remove, segment } from '../../api/rest';
import { useSession } from '../../session';
import { Badge } from '../../ui/badge';
import { Confirm } from '../../ui/dialog';
import { plural } from '../../ui/format';
import { Empty, Loaded } from '../../ui/states';
import { Table, type Column } from '../../ui/table';
import { Ago } from '../../ui/time';
import { toast } from '../../ui/toast';
import { ConsequenceList } from './consequence-list';
import { ofRevokingKey } from './consequences';
import { EMPTY_FORM, bodyOf, environmentsText, speaksForText } from './credential';
import { CredentialFields } from './credential-fields';
import { useAgents, useEnvironmentList, useKeys, useTokens } from './directory';
import { FormDialog } from './form-dialog';
import { SecretDialog, type NewSecret } from './secret-dialog';
import type { Key } from './types';

type Opened = { kind: 'new' } | { kind: 'secret'; secret: NewSecret } | { kind: 'revoke'; key: Key };

export function Keys() {
  const session = useSession();
  const keys = useKeys();
  const tokens = useTokens();
  const agents = useAgents();
  const [opened, setOpened] = useState<Opened | null>(null);
  const close = () => setOpened(null);
  const slugs = useMemo(() => new Map(agents.data?.map(({ id, slug }) => [id, slug])), [agents.data]);
  const columns = useMemo(() => columnsOf(slugs, session.credential.id, (key) => setOpened({ kind: 'revoke', key })), [slugs, session]);
  const revoke = async (key: Key) => {
    await remove(`/v1/keys/${segment(key.id)}`);
    toast(`The key ${key.name ?? key.id} was revoked.`);
    keys.reload();
  };
  return (
    <div class="stack">
      <div class="row">
        <p class="muted access-lead">A key is stored as a hash and good until it is revoked. Programs send it with every request.</p>
        <button type="button" class="button button-primary" onClick={() => setOpened({ kind: 'new' })}>
          New key
        </button>
      </div>
      <Loaded resource={keys}>
        {(rows) => <Table label="Keys" columns={columns} rows={rows} keyOf={({ id }) => id} sort="-created" empty={<Empty title="No keys" />} note={plural(rows.length, 'key')} />}
      </Loaded>
      {opened?.kind === 'new' && (
        <NewKey
          onClose={close}
          onMade={(secret) => {
            keys.reload();
            setOpened({ kind: 'secret', secret });
          }}
        />
      )}
      {opened?.kind === 'secret' && <SecretDialog {...opened.secret} onClose={close} />}
      {opened?.kind === 'revoke' && (
        <Confirm title={`Revoke the key ${opened.key.name ?? opened.key.id}?`} action="Revoke the key" run={() => revoke(opened.key)} onClose={close}>
          <ConsequenceList items={ofRevokingKey(opened.key, tokens.data ?? [], session.credential.id, Date.now())} />
        </Confirm>
      )}
    </div>
  );
}

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (secret: NewSecret) => void }) {
  const session = useSession();
  const agents = useAgents();
  const environments = useEnvironmentList();
  const [form, setForm] = useState({ ...EMPTY_FORM, ttl: session.expiresAt === null ? '' : '3600' });
  const run = async () => {
    const made = await post<{ key: Key; secret: string }>('/v1/keys', bodyOf(form));
    onMade({ title: `The new key${made.key.name ? ` ${made.key.name}` : ''}`, secret: made.secret, text: 'Programs send it in the header Authorization, behind the word Bearer. To let somebody sign in to this console, give them the key.' });
  };
  return (
    <FormDialog title="New key" action="Make the key" run={run} onClose={onClose}>
      <CredentialFields kind="key" form={form} onChange={setForm} agents={agents.data ?? []} environments={environments.data ?? []} />
    </FormDialog>
  );
}

function columnsOf(slugs: Map<string, string>, own: string, revoke: (key: Key) => void): Column<Key>[] {
  return [
    {
      id: 'name',
      title: 'Name',
      width: 'minmax(9rem, 1.5fr)',
      sort: ({ name, id }) => (name ?? id).toLowerCase(),
      cell: (key) => (
        <span title={key.id}>
          {key.name ?? <span class="mono">{key.id}</span>} {key.id === own && <Badge tone="accent">you</Badge>}
        </span>
      ),
    },
    { id: 'role', title: 'Role', width: '6rem', sort: ({ role }) => role, cell: ({ role }) => role },
    { id: 'agent', title: 'Agent', width: 'minmax(6rem, 1fr)', cell: ({ agentId }) => (agentId === null ? '–' : (slugs.get(agentId) ?? agentId)), wideOnly: true },
    { id: 'speaks', title: 'Speaks for', width: '6rem', cell: ({ speaksFor }) => <span title={Array.isArray(speaksFor) ? speaksFor.join(', ') : ''}>{speaksForText(speaksFor)}</span>, wideOnly: true },
    { id: 'environments', title: 'Environments', width: 'minmax(6rem, 1fr)', cell: ({ environments }) => environmentsText(environments), wideOnly: true },
    { id: 'created', title: 'Made', width: '6rem', sort: ({ createdAt }) => createdAt, cell: ({ createdAt }) => <Ago at={createdAt} />, wideOnly: true },
    { id: 'used', title: 'Last used', width: '6rem', sort: ({ lastUsedAt }) => lastUsedAt ?? '', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : <Ago at={lastUsedAt} />) },
    { id: 'ends', title: 'Ends', width: '5.5rem', sort: ({ expiresAt }) => expiresAt ?? '9', cell: ({ expiresAt }) => (expiresAt === null ? 'never' : <Ago at={expiresAt} />), wideOnly: true },
    {
      id: 'actions',
      title: 'Actions',
      width: '5.5rem',
      align: 'end',
      cell: (key) => (
        <button type="button" class="button button-small button-danger" aria-label={`Revoke the key ${key.name ?? key.id}`} onClick={() => revoke(key)}>
          Revoke
        </button>
      ),
    },
  ];
}
