// Environments: the stages of the project, such as development and production.

import { useMemo, useState } from 'preact/hooks';

import { post, remove, segment } from '../../api/rest';
import type { Environment } from '../../api/types';
import { Confirm } from '../../ui/dialog';
import { TextField } from '../../ui/field';
import { count, plural } from '../../ui/format';
import { Empty, Loaded } from '../../ui/states';
import { Table, type Column } from '../../ui/table';
import { toast } from '../../ui/toast';
import { ConsequenceList } from './consequence-list';
import { ofDeletingEnvironment, type InUse } from './consequences';
import { useAgents, useEnvironmentList, useUse, type InstallationUse } from './directory';
import { FormDialog } from './form-dialog';

/** The environment that cannot be removed. */
const DEFAULT = 'development';

export function Environments() {
  const environments = useEnvironmentList();
  const agents = useAgents();
  const use = useUse();
  const [isMaking, setMaking] = useState(false);
  const [deleting, setDeleting] = useState<Environment | null>(null);
  const columns = useMemo(() => columnsOf(use.data, setDeleting), [use.data]);
  const erase = async (environment: Environment) => {
    await remove(`/v1/environments/${segment(environment.id)}`, { force: true });
    toast(`The environment ${environment.slug} was deleted.`);
    environments.reload();
  };
  const agentsOf = ({ slug, id }: Environment) => agents.data?.filter(({ profile }) => profile?.['environment'] === slug || profile?.['environment'] === id) ?? [];
  return (
    <div class="stack">
      <div class="row">
        <p class="muted access-lead">Workers and calls name an environment; without one they are about {DEFAULT}.</p>
        <button type="button" class="button button-primary" onClick={() => setMaking(true)}>
          New environment
        </button>
      </div>
      <Loaded resource={environments}>
        {(rows) => <Table label="Environments" columns={columns} rows={rows} keyOf={({ id }) => id} sort="slug" empty={<Empty title="No environments" />} note={plural(rows.length, 'environment')} />}
      </Loaded>
      {isMaking && (
        <NewEnvironment
          onClose={() => setMaking(false)}
          onMade={() => {
            setMaking(false);
            environments.reload();
          }}
        />
      )}
      {deleting && (
        <Confirm title={`Delete the environment ${deleting.slug}?`} action="Delete the environment" typed={deleting.slug} run={() => erase(deleting)} onClose={() => setDeleting(null)}>
          <ConsequenceList items={ofDeletingEnvironment(useOf(use.data, deleting), agentsOf(deleting))} />
        </Confirm>
      )}
    </div>
  );
}

function useOf(use: InstallationUse | undefined, environment: Environment): InUse {
  const isOwn = ({ environmentId }: { environmentId: string }) => environmentId === environment.id;
  return { workers: use?.workers.filter(isOwn) ?? [], tools: use?.tools.filter(isOwn) ?? [] };
}

function NewEnvironment({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [slug, setSlug] = useState('');
  const run = async () => {
    await post('/v1/environments', { slug: slug.trim() });
    toast(`The environment ${slug.trim()} was made.`);
    onMade();
  };
  return (
    <FormDialog title="New environment" action="Make the environment" run={run} onClose={onClose}>
      <TextField label="Name" hint="Lower-case letters, digits and hyphens. dev, stage, stg and prod stand for the usual ones." value={slug} onChange={setSlug} required mono />
    </FormDialog>
  );
}

function columnsOf(use: InstallationUse | undefined, erase: (environment: Environment) => void): Column<Environment>[] {
  const shown = (environment: Environment, what: keyof InUse) => (use ? count(useOf(use, environment)[what].length) : '–');
  return [
    { id: 'slug', title: 'Name', width: 'minmax(9rem, 2fr)', sort: ({ slug }) => slug, cell: ({ slug, id }) => <span title={id}>{slug}</span> },
    { id: 'workers', title: 'Connected workers', width: '9rem', align: 'end', cell: (environment) => shown(environment, 'workers') },
    { id: 'tools', title: 'Tools', width: '6rem', align: 'end', cell: (environment) => shown(environment, 'tools') },
    {
      id: 'actions',
      title: 'Actions',
      width: '7rem',
      align: 'end',
      cell: (environment) =>
        environment.slug === DEFAULT ? (
          <span class="faint small">always there</span>
        ) : (
          <button type="button" class="button button-small button-danger" aria-label={`Delete the environment ${environment.slug}`} onClick={() => erase(environment)}>
            Delete
          </button>
        ),
    },
  ];
}
