// Connect: ready blocks for clients and workers, with the real address and a token that is made on the spot.

import { useState } from 'preact/hooks';

import { messageOf } from '../api/problem';
import { get, post, segment } from '../api/rest';
import type { Agent, Page } from '../api/types';
import { useEnvironment, useEnvironments } from '../environment';
import { useQueryParam } from '../router';
import { useIs, useSession } from '../session';
import { CodeBlock } from '../ui/copy';
import { SelectField, TextField } from '../ui/field';
import { fullTime } from '../ui/format';
import { Card, Screen } from '../ui/screen';
import { Notice } from '../ui/states';
import { Tabs } from '../ui/tabs';
import { LIFETIMES } from './access/credential';
import { useEntities } from './access/directory';
import type { SignedToken } from './access/types';
import { clientSnippets, workerSnippets, type Snippet } from './connect/snippets';
import { useResource } from '../live/resource';
import './admin.css';

const PLACEHOLDER = 'YOUR_KEY';
const WORKER_PLACEHOLDER = 'YOUR_SECRET';

export function ConnectScreen() {
  const [kind, setKind] = useQueryParam('kind', 'client');
  return (
    <Screen title="Connect" lead="Blocks to copy. They have the address of this gateway, and a token that is made here.">
      <Tabs
        label="What to connect"
        selected={kind}
        onSelect={setKind}
        tabs={[
          { id: 'client', label: 'A client that calls tools', content: () => <ClientTab /> },
          { id: 'worker', label: 'A worker that has tools', content: () => <WorkerTab /> },
        ]}
      />
    </Screen>
  );
}

function useToken(make: (ttl: number) => Promise<SignedToken>) {
  const session = useSession();
  const [token, setToken] = useState<SignedToken | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [ttl, setTtl] = useState(session.expiresAt === null ? '2592000' : '3600');
  const run = () => {
    setError(null);
    make(Number(ttl)).then(setToken, setError);
  };
  return { token, error, ttl, setTtl, run, forget: () => setToken(null) };
}

function ClientTab() {
  const isAdmin = useIs('admin');
  const [environment, setEnvironment] = useSnippetEnvironment();
  const [role, setRole] = useState('operator');
  const agents = useResource(isAdmin ? 'agents of the connect screen' : null, async (signal) => (await get<Page<Agent>>('/v1/agents', { limit: 1000 }, signal)).items);
  const [agent, setAgent] = useState('main');
  const made = useToken((ttlSeconds) => post<SignedToken>('/v1/tokens', { name: 'made for a client in the console', role, environments: [environment], ttlSeconds }));
  const snippets = clientSnippets({ url: location.origin, token: made.token?.token ?? PLACEHOLDER, environment, agent });
  return (
    <div class="connect">
      <Card title="Token">
        <div class="stack">
          <EnvironmentField
            environment={environment}
            onChange={(slug) => {
              setEnvironment(slug);
              made.forget();
            }}
          />
          {isAdmin ? (
            <>
              <SelectField
                label="Role"
                hint="Clients that call tools need an operator’s."
                value={role}
                onChange={(next) => {
                  setRole(next);
                  made.forget();
                }}
                options={[
                  { value: 'operator', label: 'Operator: calls tools' },
                  { value: 'viewer', label: 'Viewer: looks' },
                ]}
              />
              {agents.data && agents.data.length > 0 && <SelectField label="Agent for OpenAI’s client" value={agent} onChange={setAgent} options={slugOptions(agents.data.map(({ slug }) => slug), agent)} />}
              <TokenMaker made={made} />
            </>
          ) : (
            <OwnKey placeholder={PLACEHOLDER} />
          )}
        </div>
      </Card>
      <Snippets label="Clients" param="client" snippets={snippets} />
    </div>
  );
}

function WorkerTab() {
  const isAdmin = useIs('admin');
  const [environment, setEnvironment] = useSnippetEnvironment();
  const [token, setToken] = useState(WORKER_PLACEHOLDER);
  const snippets = workerSnippets({ url: location.origin, token, environment });
  return (
    <div class="connect">
      <Card title="Token">
        <div class="stack">
          <EnvironmentField
            environment={environment}
            onChange={(slug) => {
              setEnvironment(slug);
              setToken(WORKER_PLACEHOLDER);
            }}
          />
          {isAdmin ? <WorkerToken environment={environment} onToken={(next) => setToken(next ?? WORKER_PLACEHOLDER)} /> : <OwnKey placeholder={WORKER_PLACEHOLDER} isWorker />}
        </div>
      </Card>
      <Snippets label="Languages" param="worker" snippets={snippets} />
    </div>
  );
}

/** The environment that the blocks are for. At first it is the one that the console shows. */
function useSnippetEnvironment() {
  const session = useSession();
  const chosen = useEnvironment();
  return useState(chosen ?? session.environments?.[0] ?? 'development');
}

function EnvironmentField({ environment, onChange }: { environment: string; onChange: (slug: string) => void }) {
  const environments = useEnvironments(useSession());
  return <SelectField label="Environment" value={environment} onChange={onChange} options={slugOptions(environments, environment)} />;
}

function WorkerToken({ environment, onToken }: { environment: string; onToken: (token: string | null) => void }) {
  const entities = useEntities();
  const [entity, setEntity] = useState('');
  const [slug, setSlug] = useState('');
  const isNew = entity === '+' || entities.data?.length === 0;
  const selected = isNew ? slug.trim() : entity || (entities.data?.[0]?.slug ?? '');
  const made = useToken(async (ttlSeconds) => {
    if (isNew) {
      await post('/v1/entities', { slug: selected });
      setEntity(selected);
      entities.reload();
    }
    const token = await post<SignedToken>(`/v1/entities/${segment(selected)}/tokens`, { name: 'made for a worker in the console', environmentId: environment, ttlSeconds });
    onToken(token.token);
    return token;
  });
  const choose = (next: string) => {
    setEntity(next);
    made.forget();
    onToken(null);
  };
  return (
    <>
      {entities.data && entities.data.length > 0 && (
        <SelectField label="Entity" hint="The name under which the worker connects." value={entity || (entities.data[0]?.slug ?? '')} onChange={choose} options={[...entities.data.map((item) => ({ value: item.slug, label: item.slug })), { value: '+', label: 'A new one…' }]} />
      )}
      {isNew && <TextField label="Name of the new entity" hint="Lower-case letters, digits and hyphens." value={slug} onChange={setSlug} mono />}
      <TokenMaker made={made} disabled={selected === ''} />
    </>
  );
}

function TokenMaker({ made, disabled = false }: { made: ReturnType<typeof useToken>; disabled?: boolean }) {
  return (
    <>
      <SelectField label="Ends after" value={made.ttl} onChange={made.setTtl} options={LIFETIMES} />
      <button type="button" class="button button-primary" disabled={disabled} onClick={made.run}>
        {made.token ? 'Make another token' : 'Make a token'}
      </button>
      {made.token && <Notice tone="good">The blocks have the token now. It ends {fullTime(made.token.expiresAt)}, and is shown only on this page; revoke it under Access.</Notice>}
      {made.error !== null && <Notice tone="bad">{messageOf(made.error)}</Notice>}
    </>
  );
}

function OwnKey({ placeholder, isWorker = false }: { placeholder: string; isWorker?: boolean }) {
  return (
    <p class="muted">
      Tokens are made by admins. Ask one for a {isWorker ? 'token or the secret of an entity' : 'key or token'}, and put it in the place of <span class="mono">{placeholder}</span>.
    </p>
  );
}

function Snippets({ label, param, snippets }: { label: string; param: string; snippets: Snippet[] }) {
  const [selected, setSelected] = useQueryParam(param, snippets[0]?.id ?? '');
  return (
    <Tabs
      label={label}
      selected={selected}
      onSelect={setSelected}
      tabs={snippets.map(({ id, title, lead, files }) => ({
        id,
        label: title,
        content: () => (
          <div class="stack">
            <p class="muted">{lead}</p>
            {files.map(({ name, text }) => (
              <div key={name} class="connect-file">
                <h3 class="mono">{name}</h3>
                <CodeBlock text={text} label={`${title}, ${name}`} />
              </div>
            ))}
          </div>
        ),
      }))}
    />
  );
}

const slugOptions = (slugs: string[], value: string) => [...new Set([value, ...slugs])].map((slug) => ({ value: slug, label: slug }));
