// Tokens: signed credentials with an end, of callers and workers, made, shown once and revoked.

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
import { ofRevokingToken } from './consequences';
import { EMPTY_FORM, bodyOf, environmentsText } from './credential';
import { CredentialFields } from './credential-fields';
import { useAgents, useEntities, useEnvironmentList, useTokens } from './directory';
import { FormDialog } from './form-dialog';
import { SecretDialog, type NewSecret } from './secret-dialog';
import type { SignedToken, Token } from './types';

type Opened = { kind: 'new' } | { kind: 'secret'; secret: NewSecret } | { kind: 'revoke'; token: Token };

export function Tokens() {
  const session = useSession();
  const tokens = useTokens();
  const agents = useAgents();
  const entities = useEntities();
  const [opened, setOpened] = useState<Opened | null>(null);
  const close = () => setOpened(null);
  const names = useMemo(() => new Map([...(agents.data ?? []), ...(entities.data ?? [])].map(({ id, slug }) => [id, slug])), [agents.data, entities.data]);
  const columns = useMemo(() => columnsOf(names, session.credential.id, (token) => setOpened({ kind: 'revoke', token })), [names, session]);
  const revoke = async (token: Token) => {
    await remove(`/v1/tokens/${segment(token.id)}`);
    toast(`The token ${token.name ?? token.id} was revoked.`);
    tokens.reload();
  };
  return (
    <div class="stack">
      <div class="row">
        <p class="muted access-lead">A token is signed and ends by itself, or with the key that made it. Tokens of workers are made under Entities.</p>
        <button type="button" class="button button-primary" onClick={() => setOpened({ kind: 'new' })}>
          New token
        </button>
      </div>
      <Loaded resource={tokens}>
        {(rows) => <Table label="Tokens" columns={columns} rows={rows} keyOf={({ id }) => id} empty={<Empty title="No tokens">Tokens that have ended are not listed.</Empty>} note={plural(rows.length, 'token')} />}
      </Loaded>
      {opened?.kind === 'new' && (
        <NewToken
          onClose={close}
          onMade={(secret) => {
            tokens.reload();
            setOpened({ kind: 'secret', secret });
          }}
        />
      )}
      {opened?.kind === 'secret' && <SecretDialog {...opened.secret} onClose={close} />}
      {opened?.kind === 'revoke' && (
        <Confirm title={`Revoke the token ${opened.token.name ?? opened.token.id}?`} action="Revoke the token" run={() => revoke(opened.token)} onClose={close}>
          <ConsequenceList items={ofRevokingToken(opened.token, tokens.data ?? [], session.credential.id, Date.now())} />
        </Confirm>
      )}
      <SigningKeys onRotated={tokens.reload} />
    </div>
  );
}

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: (secret: NewSecret) => void }) {
  const session = useSession();
  const agents = useAgents();
  const environments = useEnvironmentList();
  const [form, setForm] = useState({ ...EMPTY_FORM, ttl: session.expiresAt === null ? '2592000' : '3600' });
  const run = async () => {
    const made = await post<SignedToken>('/v1/tokens', bodyOf(form));
    onMade({ title: 'The new token', secret: made.token, text: 'Programs send it in the header Authorization, behind the word Bearer, in the place of a key.' });
  };
  return (
    <FormDialog title="New token" action="Sign the token" run={run} onClose={onClose}>
      <CredentialFields kind="token" form={form} onChange={setForm} agents={agents.data ?? []} environments={environments.data ?? []} />
    </FormDialog>
  );
}

/** The key that signs tokens can be replaced by admins of the default project only. */
function SigningKeys({ onRotated }: { onRotated: () => void }) {
  const session = useSession();
  const [isOpen, setOpen] = useState(false);
  const isOffered = session.organization === 'default' && session.project === 'default' && session.agentId === null && session.environments === null;
  if (!isOffered) return null;
  const rotate = async () => {
    await post('/v1/signing-keys/rotate', { graceSeconds: 0 });
    toast('A new key signs tokens. All earlier tokens have ended.');
    onRotated();
  };
  return (
    <p class="muted small">
      If tokens may have leaked,{' '}
      <button type="button" class="link" onClick={() => setOpen(true)}>
        end all tokens of the gateway
      </button>
      .
      {isOpen && (
        <Confirm title="End all tokens?" action="End all tokens" typed="end all tokens" run={rotate} onClose={() => setOpen(false)}>
          <ConsequenceList
            items={[
              'A new key signs tokens from now on, and every token of every project ends at once, also those of workers.',
              'Keys and the secrets of entities stay good.',
              ...(session.credential.kind === 'token' ? ['You are signed in with a token: you will be signed out.'] : []),
            ]}
          />
        </Confirm>
      )}
    </p>
  );
}

function columnsOf(names: Map<string, string>, own: string, revoke: (token: Token) => void): Column<Token>[] {
  const named = (id: string | null) => (id === null ? null : (names.get(id) ?? id));
  return [
    {
      id: 'name',
      title: 'Name',
      width: 'minmax(9rem, 1.5fr)',
      cell: (token) => (
        <span title={token.id}>
          {token.name ?? <span class="mono">{token.id}</span>} {token.id === own && <Badge tone="accent">you</Badge>}
        </span>
      ),
    },
    { id: 'role', title: 'Role', width: '7rem', cell: ({ role }) => role ?? <Badge>worker</Badge> },
    { id: 'for', title: 'For', width: 'minmax(8rem, 1.2fr)', cell: ({ userId, agentId, entityId }) => userId ?? named(agentId) ?? named(entityId) ?? '–', wideOnly: true },
    { id: 'environments', title: 'Environments', width: 'minmax(6rem, 1fr)', cell: ({ environments }) => environmentsText(environments), wideOnly: true },
    { id: 'parent', title: 'Made with', width: 'minmax(7rem, 1fr)', cell: ({ parent }) => <span class="mono">{parent ?? 'command line'}</span>, wideOnly: true },
    { id: 'used', title: 'Last used', width: '7rem', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : <Ago at={lastUsedAt} />) },
    { id: 'ends', title: 'Ends', width: '6rem', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
    {
      id: 'actions',
      title: 'Actions',
      width: '6rem',
      align: 'end',
      cell: (token) => (
        <button type="button" class="button button-small button-danger" aria-label={`Revoke the token ${token.name ?? token.id}`} onClick={() => revoke(token)}>
          Revoke
        </button>
      ),
    },
  ];
}
