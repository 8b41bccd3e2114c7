// Tools: all tools of the project, to search and to switch on and off.

import { useMemo } from 'preact/hooks';

import { get } from '../api/rest';
import type { Activity, Tool, ToolActivity } from '../api/types';
import { useEnvironment } from '../environment';
import { SPAN } from '../live/activity';
import { useResource, type Resource } from '../live/resource';
import { useReloadOn } from '../live/workers';
import { href, useQueryParam } from '../router';
import type { ScreenProps } from '../routes';
import { useIs } from '../session';
import { Badge } from '../ui/badge';
import { Sparkline } from '../ui/chart';
import { count, duration, plural } from '../ui/format';
import { Screen } from '../ui/screen';
import { Empty, Loaded } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { EnabledSwitch } from './tool';
import { callersInShort, callersOf } from './tool/callers';
import './tool/tool.css';
import { identityOf, matching, searchable, STATES, type ToolState } from './tools-filter';

interface ToolList {
  tools: Tool[];
}

export function ToolsScreen(_: ScreenProps) {
  const environment = useEnvironment();
  const resource = useResource(`tools ${environment ?? ''}`, (signal) => get<ToolList>('/v1/tools', { schemas: 0, environmentId: environment }, signal), { everyMs: 60_000 });
  useReloadOn(['tools_changed', 'worker_connected', 'worker_disconnected', 'restored'], resource.reload);
  const activity = useResource(`activity ${environment ?? ''}`, (signal) => get<Activity>('/v1/activity', { seconds: SPAN, environmentId: environment }, signal), { everyMs: 15_000 });
  return (
    <Screen title="Tools" lead="What the workers of this project declared. Open one to try it.">
      <Loaded resource={resource}>{({ tools }) => <List tools={tools} activity={activity.data} resource={resource} />}</Loaded>
    </Screen>
  );
}

function List({ tools, activity, resource }: { tools: Tool[]; activity: Activity | undefined; resource: Resource<ToolList> }) {
  const environment = useEnvironment();
  const isAdmin = useIs('admin');
  const [text, setText] = useQueryParam('search');
  const [state, setState] = useQueryParam('state');
  const [entity, setEntity] = useQueryParam('entity');
  const index = useMemo(() => searchable(tools), [tools]);
  const entities = useMemo(() => [...new Set(tools.map((tool) => tool.entity))].sort(), [tools]);
  const rows = useMemo(() => matching(index, { text, state: state as ToolState | '', entity }), [index, text, state, entity]);
  const figures = useMemo(() => new Map((activity?.tools ?? []).map((one) => [identityOf(one), one])), [activity]);
  const replace = (changed: Tool) => resource.set({ tools: tools.map((tool) => (identityOf(tool) === identityOf(changed) ? changed : tool)) });
  const columns = useMemo(() => columnsOf({ figures, isAdmin, hasEnvironment: environment === null, replace }), [figures, isAdmin, environment, tools]);
  if (tools.length === 0) {
    return (
      <Empty title="No tools yet" actions={<a class="button button-primary" href={href('/connect')}>Connect a worker</a>}>
        Tools appear here as soon as a worker connects and declares them.
      </Empty>
    );
  }
  return (
    <>
      <div class="filters" role="search">
        <input class="input" type="search" aria-label="Search tools" placeholder="Search by name, description or entity" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <select class="input" aria-label="State" value={state} onChange={(event) => setState(event.currentTarget.value)}>
          <option value="">Any state</option>
          {STATES.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
        {entities.length > 1 && (
          <select class="input" aria-label="Entity" value={entity} onChange={(event) => setEntity(event.currentTarget.value)}>
            <option value="">All entities</option>
            {entities.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
        <span class="muted small" role="status">
          {rows.length === tools.length ? plural(tools.length, 'tool') : `${count(rows.length)} of ${plural(tools.length, 'tool')}`}
        </span>
      </div>
      <Table label="Tools" columns={columns} rows={rows} keyOf={identityOf} rowHeight={52} height="calc(100dvh - 15rem)" empty={<Empty title="No tool matches">Change the search or the filters.</Empty>} />
    </>
  );
}

interface ColumnOptions {
  figures: ReadonlyMap<string, ToolActivity>;
  isAdmin: boolean;
  hasEnvironment: boolean;
  replace: (tool: Tool) => void;
}

function columnsOf({ figures, isAdmin, hasEnvironment, replace }: ColumnOptions): Column<Tool>[] {
  const columns: (Column<Tool> | false)[] = [
    {
      id: 'name',
      title: 'Name',
      width: 'minmax(14rem, 5fr)',
      sort: (tool) => tool.name.toLowerCase(),
      cell: (tool) => (
        <span class="tool-cell">
          <a href={href(`/tools/${encodeURIComponent(tool.entity)}/${encodeURIComponent(tool.name)}`, { environment: tool.environment })}>{tool.name}</a>
          <span class="small muted" title={tool.description}>
            {firstLine(tool.description)}
          </span>
        </span>
      ),
    },
    { id: 'state', title: 'State', width: '7rem', sort: stateRank, cell: (tool) => <StateBadge tool={tool} /> },
    { id: 'entity', title: 'Entity', width: 'minmax(7rem, 1fr)', sort: (tool) => tool.entity, cell: (tool) => tool.entity },
    hasEnvironment && { id: 'environment', title: 'Environment', width: 'minmax(7rem, 1fr)', sort: (tool) => tool.environment, cell: (tool) => tool.environment },
    { id: 'callers', title: 'Who may call', width: 'minmax(7rem, 1fr)', wideOnly: true, sort: callersInShort, cell: (tool) => <span title={callersOf(tool)}>{callersInShort(tool)}</span> },
    { id: 'latency', title: 'Latency', width: '10rem', wideOnly: true, sort: (tool) => latencyOf(tool, figures) ?? -1, cell: (tool) => <Latency tool={tool} figures={figures} /> },
    isAdmin && { id: 'enabled', title: 'Enabled', width: '5rem', sort: (tool) => Number(tool.enabled), cell: (tool) => <EnabledSwitch tool={tool} onChange={replace} isLabelHidden /> },
  ];
  return columns.filter((column) => column !== false);
}

function StateBadge({ tool }: { tool: Tool }) {
  if (!tool.enabled) return <Badge tone="warn">switched off</Badge>;
  if (!tool.online) return <Badge>offline</Badge>;
  if (tool.health?.status === 'down') return <Badge tone="bad">down</Badge>;
  if (tool.health?.status === 'degraded') return <Badge tone="warn">degraded</Badge>;
  return <Badge tone="good">online</Badge>;
}

function stateRank(tool: Tool): number {
  if (!tool.enabled) return 1;
  if (tool.health?.status === 'down') return 0;
  if (tool.health?.status === 'degraded') return 2;
  return tool.online ? 4 : 3;
}

function latencyOf(tool: Tool, figures: ReadonlyMap<string, ToolActivity>): number | null {
  return figures.get(identityOf(tool))?.p50Ms ?? tool.health?.avgLatencyMs ?? null;
}

function Latency({ tool, figures }: { tool: Tool; figures: ReadonlyMap<string, ToolActivity> }) {
  const values = (figures.get(identityOf(tool))?.series ?? []).map(({ p50Ms }) => p50Ms);
  const latency = latencyOf(tool, figures);
  if (latency === null) return <span class="faint">–</span>;
  return (
    <span class="tool-latency">
      {values.length > 1 ? <Sparkline values={values} label={`Median time of the calls of ${tool.name} in the last half hour`} /> : <span />}
      <span class="number">{duration(latency)}</span>
    </span>
  );
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
