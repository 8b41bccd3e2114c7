// Overview: workers, calls a minute, errors and latency of the last half hour, live.

import { useMemo } from 'preact/hooks';

import { messageOf } from '../api/problem';
import { get } from '../api/rest';
import type { Activity, Tool, ToolActivity, Worker } from '../api/types';
import { useEnvironment } from '../environment';
import { SPAN, callsOfMinute, linesOf, sumsOf, useActivity } from '../live/activity';
import { useResource, type Resource } from '../live/resource';
import { useReloadOn, useWorkers } from '../live/workers';
import { href } from '../router';
import type { ScreenProps } from '../routes';
import { Badge, Dot } from '../ui/badge';
import { Chart, Sparkline } from '../ui/chart';
import { count, duration, percent, plural } from '../ui/format';
import { Card, Screen } from '../ui/screen';
import { Empty, ErrorState, Loading, Notice } from '../ui/states';
import { Table, type Column } from '../ui/table';

/** The number of tools and of problems that the overview lists. */
const SHOWN = 8;

export function OverviewScreen(_: ScreenProps) {
  const environment = useEnvironment();
  const activity = useActivity(environment);
  const workers = useWorkers(environment);
  const tools = useTools(environment);
  const isNew = workers.data?.length === 0 && tools.data?.length === 0;
  return (
    <Screen title="Overview" lead={`The last ${SPAN / 60} minutes, live.`}>
      {isNew ? (
        <Welcome />
      ) : (
        <>
          <Outdated resources={[activity, workers, tools]} />
          <Figures activity={activity.data} workers={workers.data} tools={tools.data} />
          {activity.data ? (
            <Charts activity={activity.data} />
          ) : activity.error ? (
            <div class="card">
              <ErrorState error={activity.error} retry={activity.reload} />
            </div>
          ) : (
            <Loading />
          )}
          <div class="columns">
            <BusyTools activity={activity.data} />
            <Attention workers={workers.data} tools={tools.data} />
          </div>
        </>
      )}
    </Screen>
  );
}

function useTools(environment: string | null) {
  const tools = useResource(`tools ${environment}`, async (signal) => (await get<{ tools: Tool[] }>('/v1/tools', { environmentId: environment, schemas: 0 }, signal)).tools, { everyMs: 30_000 });
  useReloadOn(['tools_changed', 'restored'], tools.reload);
  return tools;
}

/** Said while the figures are of an earlier time, because a later request failed. */
function Outdated({ resources }: { resources: Resource<unknown>[] }) {
  const failed = resources.find(({ data, error }) => data !== undefined && error !== undefined && error !== null);
  return failed ? <Notice tone="warn">This is not up to date: {messageOf(failed.error)}</Notice> : null;
}

function Welcome() {
  return (
    <div class="card">
      <Empty
        title="No worker has connected yet"
        actions={
          <a class="button button-primary" href={href('/connect')}>
            Connect a worker
          </a>
        }
      >
        A worker is a program with tools. It dials this gateway, and its tools can then be called from here, over REST and over MCP.
      </Empty>
    </div>
  );
}

function Figures({ activity, workers, tools }: { activity: Activity | undefined; workers: Worker[] | undefined; tools: Tool[] | undefined }) {
  const lines = useMemo(() => activity && linesOf(activity), [activity]);
  const all = useMemo(() => activity && sumsOf(activity, SPAN), [activity]);
  const online = tools?.filter((tool) => tool.online).length;
  return (
    <div class="figures">
      <a class="figure" href={href('/workers')}>
        <span class="figure-name">Workers</span>
        <span class="figure-value">
          {workers ? count(workers.length) : '–'} <small>connected</small>
        </span>
        <span class="figure-note">{tools === undefined ? ' ' : `${count(online ?? 0)} of ${plural(tools.length, 'tool')} online`}</span>
      </a>
      <a class="figure" href={href('/calls')}>
        <span class="figure-name">Calls a minute</span>
        <span class="figure-value">
          {activity ? count(callsOfMinute(activity)) : '–'} {typeof activity?.callsInFlight === 'number' && <small>{count(activity.callsInFlight)} running</small>}
        </span>
        {lines && <Sparkline values={lines.callsPerMinute} label={`Calls a minute, at most ${count(Math.max(0, ...lines.callsPerMinute))}`} />}
      </a>
      <a class="figure" href={href('/calls')}>
        <span class="figure-name">Errors</span>
        <span class="figure-value">
          {all ? percent(all.errors, all.calls) : '–'} {all && <small>{count(all.errors)} of {count(all.calls)}</small>}
        </span>
        {lines && <Sparkline tone="bad" values={lines.errorsPerMinute} label={`Errors a minute, at most ${count(Math.max(0, ...lines.errorsPerMinute))}`} />}
      </a>
      <a class="figure" href={href('/tools')}>
        <span class="figure-name">Latency</span>
        <span class="figure-value">
          {all ? duration(all.p50Ms) : '–'} {all && <small>p95 {duration(all.p95Ms)}</small>}
        </span>
        {lines && <Sparkline values={lines.p95Ms} label={`Latency of 95 of 100 calls, at most ${duration(Math.max(0, ...lines.p95Ms.map((value) => value ?? 0)))}`} />}
      </a>
    </div>
  );
}

function Charts({ activity }: { activity: Activity }) {
  const lines = useMemo(() => linesOf(activity), [activity]);
  const latest = lines.callsPerMinute.at(-1) ?? 0;
  const span = { from: lines.from, to: lines.to };
  return (
    <div class="columns">
      <Card title="Calls a minute">
        <Chart
          {...span}
          label={`Calls a minute over the last ${SPAN / 60} minutes, ${count(latest)} at the end.`}
          format={count}
          series={[
            { name: 'calls', values: lines.callsPerMinute, filled: true },
            { name: 'errors', values: lines.errorsPerMinute, tone: 'bad', filled: true },
          ]}
        />
      </Card>
      <Card title="Latency">
        <Chart
          {...span}
          label={`Latency over the last ${SPAN / 60} minutes: half of the calls and 95 of 100 calls are faster.`}
          format={duration}
          series={[
            { name: 'half of the calls', values: lines.p50Ms, filled: true },
            { name: '95 of 100 calls', values: lines.p95Ms, tone: 'second' },
          ]}
        />
      </Card>
    </div>
  );
}

const busyColumns: Column<ToolActivity>[] = [
  { id: 'tool', title: 'Tool', width: 'minmax(9rem, 1fr)', cell: (tool) => <a href={href(`/tools/${encodeURIComponent(tool.entity)}/${encodeURIComponent(tool.name)}`)}>{tool.name}</a> },
  { id: 'calls', title: 'Calls', width: '4rem', align: 'end', cell: (tool) => count(tool.calls) },
  { id: 'errors', title: 'Errors', width: '4rem', align: 'end', cell: (tool) => (tool.errors > 0 ? <span class="fault">{percent(tool.errors, tool.calls)}</span> : '0 %') },
  { id: 'p50', title: 'Median', width: '4.5rem', align: 'end', cell: (tool) => duration(tool.p50Ms) },
  { id: 'p95', title: 'p95', width: '4.5rem', align: 'end', wideOnly: true, cell: (tool) => duration(tool.p95Ms) },
];

function BusyTools({ activity }: { activity: Activity | undefined }) {
  const busiest = useMemo(() => [...(activity?.tools ?? [])].sort((a, b) => b.calls - a.calls).slice(0, SHOWN), [activity?.tools]);
  return (
    <Card title="Busiest tools" actions={<a href={href('/tools')}>All tools</a>} flush>
      <Table
        label="Busiest tools"
        columns={busyColumns}
        rows={busiest}
        keyOf={(tool) => `${tool.entity}/${tool.environment}/${tool.name}`}
        empty={<Empty title="No calls yet">Calls of the last {SPAN / 60} minutes are counted here by tool.</Empty>}
      />
    </Card>
  );
}

interface Trouble {
  key: string;
  tone: 'warn' | 'bad';
  text: string;
  detail: string;
  to: string;
}

/** The conditions that somebody should look at, the worst first. */
export function troublesOf(workers: Worker[], tools: Tool[]): Trouble[] {
  const troubles: Trouble[] = [];
  for (const tool of tools) {
    const key = `${tool.entity}/${tool.environment}/${tool.name}`;
    const to = href(`/tools/${encodeURIComponent(tool.entity)}/${encodeURIComponent(tool.name)}`);
    if (tool.health?.status === 'down') troubles.push({ key, tone: 'bad', text: tool.name, detail: 'is down', to });
    else if (tool.health?.status === 'degraded') troubles.push({ key, tone: 'warn', text: tool.name, detail: 'fails often', to });
    else if (!tool.online && tool.enabled) troubles.push({ key, tone: 'warn', text: tool.name, detail: 'has no worker', to });
  }
  for (const worker of workers) {
    if (worker.takeovers > 2)
      troubles.push({
        key: worker.connectionId,
        tone: 'warn',
        text: worker.entity,
        detail: `was replaced ${worker.takeovers} times in ten minutes; make it a pool if several workers belong to it`,
        to: href('/workers', { worker: worker.connectionId }),
      });
  }
  return troubles.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function Attention({ workers, tools }: { workers: Worker[] | undefined; tools: Tool[] | undefined }) {
  const troubles = useMemo(() => (workers && tools ? troublesOf(workers, tools) : undefined), [workers, tools]);
  return (
    <Card title="Needs attention" actions={troubles && troubles.length > 0 ? <Badge tone="warn">{troubles.length}</Badge> : undefined} flush={troubles?.length === 0}>
      {troubles === undefined ? (
        <Loading />
      ) : troubles.length === 0 ? (
        <Empty title="All is well">Every tool has a worker, and no worker reports a fault.</Empty>
      ) : (
        <ul class="plain-list">
          {troubles.slice(0, SHOWN).map((trouble) => (
            <li key={trouble.key} class="row">
              <Dot tone={trouble.tone} />
              <span class="wrap">
                <a href={trouble.to}>{trouble.text}</a> <span class="muted">{trouble.detail}</span>
              </span>
            </li>
          ))}
          {troubles.length > SHOWN && <li class="faint">and {troubles.length - SHOWN} more</li>}
        </ul>
      )}
    </Card>
  );
}
