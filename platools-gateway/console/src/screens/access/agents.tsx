// Agents: who answers messages with the connected tools, or connects with a session of its own.

import { useMemo, useState } from 'preact/hooks';

import { patch, post, remove, segment } from '../../api/rest';
import type { Agent } from '../../api/types';
import { Badge } from '../../ui/badge';
import { Confirm } from '../../ui/dialog';
import { Field, SelectField, TextField } from '../../ui/field';
import { plural } from '../../ui/format';
import { href } from '../../router';
import { Empty, Loaded } from '../../ui/states';
import { Table, type Column } from '../../ui/table';
import { toast } from '../../ui/toast';
import { AGENT_DEFAULTS, agentBody, agentForm, type AgentForm } from './agent-form';
import { ConsequenceList } from './consequence-list';
import { ofDeletingAgent } from './consequences';
import { useAgents, useEnvironmentList, useKeys, useTokens } from './directory';
import { FormDialog } from './form-dialog';

type Opened = { kind: 'new' } | { kind: 'edit' | 'delete'; agent: Agent };

export function Agents() {
  const agents = useAgents();
  const keys = useKeys();
  const tokens = useTokens();
  const [opened, setOpened] = useState<Opened | null>(null);
  const close = () => setOpened(null);
  const columns = useMemo(() => columnsOf(setOpened), []);
  const erase = async (agent: Agent) => {
    await remove(`/v1/agents/${segment(agent.id)}`);
    toast(`The agent ${agent.slug} was deleted.`);
    agents.reload();
  };
  return (
    <div class="stack">
      <div class="row">
        <p class="muted access-lead">An agent answers messages with the connected tools, by commands or by a language model, or has a session of its own.</p>
        <button type="button" class="button button-primary" onClick={() => setOpened({ kind: 'new' })}>
          New agent
        </button>
      </div>
      <Loaded resource={agents}>
        {(rows) => <Table label="Agents" columns={columns} rows={rows} keyOf={({ id }) => id} sort="slug" empty={<Empty title="No agents yet" />} note={plural(rows.length, 'agent')} />}
      </Loaded>
      {(opened?.kind === 'new' || opened?.kind === 'edit') && (
        <EditAgent
          agent={opened.kind === 'edit' ? opened.agent : null}
          onClose={close}
          onDone={() => {
            close();
            agents.reload();
          }}
        />
      )}
      {opened?.kind === 'delete' && (
        <Confirm title={`Delete the agent ${opened.agent.slug}?`} action="Delete the agent" typed={opened.agent.slug} run={() => erase(opened.agent)} onClose={close}>
          <ConsequenceList items={ofDeletingAgent(opened.agent, keys.data ?? [], tokens.data ?? [])} />
        </Confirm>
      )}
    </div>
  );
}

function EditAgent({ agent, onClose, onDone }: { agent: Agent | null; onClose: () => void; onDone: () => void }) {
  const environments = useEnvironmentList();
  const [form, setForm] = useState<AgentForm>(agent === null ? AGENT_DEFAULTS : agentForm(agent));
  const set = (change: Partial<AgentForm>) => setForm({ ...form, ...change });
  const run = async () => {
    if (agent === null) await post('/v1/agents', { slug: form.slug.trim(), ...agentBody(form, 'new') });
    else await patch(`/v1/agents/${segment(agent.id)}`, agentBody(form, 'change'));
    toast(agent === null ? `The agent ${form.slug.trim()} was made. It needs a key to call tools by itself.` : `The agent ${agent.slug} was changed.`);
    onDone();
  };
  return (
    <FormDialog title={agent === null ? 'New agent' : `Change the agent ${agent.slug}`} action={agent === null ? 'Make the agent' : 'Save'} run={run} onClose={onClose}>
      {agent === null && <TextField label="Name" hint="It stands in addresses: lower-case letters, digits and hyphens." value={form.slug} onChange={(slug) => set({ slug })} required mono />}
      <TextField label="Title" hint="Its name for people." value={form.title} onChange={(title) => set({ title })} maxLength={128} />
      <SelectField
        label="Answers"
        value={form.kind}
        onChange={(kind) => set({ kind: kind as AgentForm['kind'] })}
        options={[
          { value: 'command', label: 'By commands, such as /help' },
          { value: 'model', label: 'With a language model' },
        ]}
      />
      {form.kind === 'model' && (
        <>
          <TextField label="Model" hint="As its endpoint knows it. Empty for the gateway’s." value={form.model} onChange={(model) => set({ model })} mono />
          <Field label="System prompt" hint="What the model is told before anything else.">
            {(ids) => <textarea {...ids} class="input" rows={5} value={form.systemPrompt} onInput={(event) => set({ systemPrompt: event.currentTarget.value })} />}
          </Field>
        </>
      )}
      <TextField label="Tools" hint="Names with commas between them. Empty for all that its caller may call." value={form.tools} onChange={(tools) => set({ tools })} mono />
      <SelectField
        label="Environment of its tools"
        value={form.environment}
        onChange={(environment) => set({ environment })}
        options={[{ value: '', label: 'development' }, ...(environments.data ?? []).filter(({ slug }) => slug !== 'development').map(({ slug }) => ({ value: slug, label: slug }))]}
      />
      <details class="access-more">
        <summary>Address and owner</summary>
        <div class="stack">
          <TextField label="Address" hint="Its name for other agents, such as that of a wallet. Empty for its name." value={form.address} onChange={(address) => set({ address })} mono />
          <TextField label="Owner" hint="The user who may watch it. Empty for nobody." value={form.owner} onChange={(owner) => set({ owner })} maxLength={255} />
        </div>
      </details>
    </FormDialog>
  );
}

function columnsOf(open: (opened: Opened) => void): Column<Agent>[] {
  return [
    { id: 'slug', title: 'Name', width: 'minmax(8rem, 1.2fr)', sort: ({ slug }) => slug, cell: ({ slug, id }) => <span title={id}>{slug}</span> },
    { id: 'title', title: 'Title', width: 'minmax(7rem, 1.2fr)', cell: ({ title }) => title ?? '–', wideOnly: true },
    { id: 'kind', title: 'Answers', width: '7rem', cell: ({ profile }) => (profile?.['kind'] === 'model' ? <Badge tone="accent">model</Badge> : 'commands') },
    { id: 'tools', title: 'Tools', width: '6rem', cell: ({ profile }) => (Array.isArray(profile?.['tools']) ? <span title={profile['tools'].join(', ')}>{plural(profile['tools'].length, 'tool')}</span> : 'all'), wideOnly: true },
    { id: 'owner', title: 'Owner', width: 'minmax(6rem, 1fr)', cell: ({ owner }) => owner ?? '–', wideOnly: true },
    {
      id: 'actions',
      title: 'Actions',
      width: '15rem',
      align: 'end',
      cell: (agent) => (
        <span class="row access-actions">
          <a class="button button-small" href={href('/conversations', { agent: agent.slug })} aria-label={`Talk to ${agent.slug}`}>
            Talk
          </a>
          <button type="button" class="button button-small" aria-label={`Change the agent ${agent.slug}`} onClick={() => open({ kind: 'edit', agent })}>
            Change
          </button>
          <button type="button" class="button button-small button-danger" aria-label={`Delete the agent ${agent.slug}`} onClick={() => open({ kind: 'delete', agent })}>
            Delete
          </button>
        </span>
      ),
    },
  ];
}
