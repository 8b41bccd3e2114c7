// Workers: who is connected, since when, with which load and health; admins drain and disconnect them.

import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import { get, post, remove, segment } from '../api/rest';
import type { Tool, Worker } from '../api/types';
import { useEnvironment } from '../environment';
import { useResource } from '../live/resource';
import { useWorkers } from '../live/workers';
import { href, useQueryParam } from '../router';
import type { ScreenProps } from '../routes';
import { useIs } from '../session';
import { Badge, Dot, type Tone } from '../ui/badge';
import { Confirm, Dialog } from '../ui/dialog';
import { count, duration, plural } from '../ui/format';
import { Facts, Screen } from '../ui/screen';
import { Empty, Loaded } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { Ago } from '../ui/time';
import { toast } from '../ui/toast';

export function WorkersScreen(_: ScreenProps) {
  const environment = useEnvironment();
  const workers = useWorkers(environment);
  const [text, setText] = useQueryParam('search');
  const [state, setState] = useQueryParam('state');
  const [open, setOpen] = useQueryParam('worker');
  const [ending, setEnding] = useState<{ worker: Worker; how: 'drain' | 'disconnect' } | null>(null);
  const isAdmin = useIs('admin');
  const columns = useMemo(() => columnsFor(workers.data ?? [], setOpen), [workers.data, setOpen]);
  const rows = useMemo(() => (workers.data ?? []).filter((worker) => matches(worker, text, state)), [workers.data, text, state]);
  const shown = workers.data?.find((worker) => worker.connectionId === open);
  return (
    <Screen title="Workers" lead="Programs with tools that are connected to this gateway.">
      <Loaded resource={workers}>
        {(list) => (
          <>
            <div class="filters" role="search">
              <input class="input" type="search" aria-label="Search workers" placeholder="Entity, host or address" value={text} onInput={(event) => setText(event.currentTarget.value)} />
              <select class="input" aria-label="State" value={state} onChange={(event) => setState(event.currentTarget.value)}>
                <option value="">Any state</option>
                <option value="unwell">With unwell tools</option>
                <option value="busy">With waiting calls</option>
                <option value="draining">Draining</option>
              </select>
              <span class="muted small" role="status">
                {rows.length === list.length ? plural(list.length, 'worker') : `${count(rows.length)} of ${plural(list.length, 'worker')}`}
              </span>
            </div>
            <Table
              label="Workers"
              columns={columns}
              rows={rows}
              keyOf={(worker) => worker.connectionId}
              sort="entity"
              isSelected={(worker) => worker.connectionId === open}
              empty={list.length === 0 ? <NoWorkers /> : <Empty title="No worker matches">Change the search or the state.</Empty>}
            />
          </>
        )}
      </Loaded>
      {shown && (
        <WorkerDialog worker={shown} isAdmin={isAdmin} onEnd={(how) => setEnding({ worker: shown, how })} onClose={() => setOpen('')} />
      )}
      {ending && <EndDialog {...ending} onDone={workers.reload} onClose={() => setEnding(null)} />}
    </Screen>
  );
}

function NoWorkers() {
  return (
    <Empty
      title="No worker is connected"
      actions={
        <a class="button button-primary" href={href('/connect')}>
          Connect a worker
        </a>
      }
    >
      Workers dial this gateway, so that they need no open port. Make an entity for yours, and start it with the entity's secret.
    </Empty>
  );
}

function matches(worker: Worker, text: string, state: string): boolean {
  if (state === 'unwell' && worker.health.unwell.length === 0) return false;
  if (state === 'busy' && worker.callsQueued === 0) return false;
  if (state === 'draining' && !worker.isDraining) return false;
  if (text === '') return true;
  const wanted = text.toLowerCase();
  return [worker.entity, worker.environment, worker.instance?.host, worker.address, worker.connectionId].some((part) => part?.toLowerCase().includes(wanted));
}

/** The columns for these workers. Those that none of them fills are left out. */
function columnsFor(workers: Worker[], open: (id: string) => void): Column<Worker>[] {
  const has = (test: (worker: Worker) => boolean) => workers.some(test);
  const columns: (Column<Worker> | false)[] = [
    {
      id: 'entity',
      title: 'Entity',
      width: 'minmax(9rem, 1.6fr)',
      sort: (worker) => worker.entity,
      cell: (worker) => (
        <span class="row nowrap">
          <Dot tone={toneOf(worker)} />
          <button type="button" class="link truncate" onClick={() => open(worker.connectionId)}>
            {worker.entity}
          </button>
          {worker.policy === 'pool' && <Badge>pool</Badge>}
          {worker.isDraining && <Badge tone="warn">draining</Badge>}
        </span>
      ),
    },
    { id: 'environment', title: 'Environment', width: 'minmax(6rem, 1fr)', sort: (worker) => worker.environment, cell: (worker) => worker.environment },
    { id: 'health', title: 'Tools', width: 'minmax(6rem, 1fr)', sort: (worker) => -worker.health.unwell.length, cell: (worker) => <HealthCell worker={worker} /> },
    { id: 'load', title: 'Load', width: '9rem', align: 'end', sort: (worker) => worker.callsInFlight, cell: (worker) => loadOf(worker) },
    { id: 'since', title: 'Connected', width: '6rem', align: 'end', sort: (worker) => worker.connectedAt, cell: (worker) => <Ago at={worker.connectedAt} /> },
    has((worker) => typeof worker.heartbeatAgeMs === 'number') && {
      id: 'heartbeat',
      title: 'Heartbeat',
      width: '6rem',
      align: 'end',
      wideOnly: true,
      sort: (worker) => worker.heartbeatAgeMs ?? 0,
      cell: (worker) => duration(worker.heartbeatAgeMs),
    },
    { id: 'host', title: 'Host', width: 'minmax(7rem, 1fr)', wideOnly: true, sort: (worker) => hostOf(worker), cell: (worker) => hostOf(worker) },
    has((worker) => typeof worker.gateway === 'number') && { id: 'gateway', title: 'Gateway', width: '4.5rem', align: 'end', wideOnly: true, sort: (worker) => worker.gateway ?? 0, cell: (worker) => worker.gateway ?? '–' },
  ];
  return columns.filter((column) => column !== false);
}

const hostOf = (worker: Worker): string => worker.instance?.host ?? worker.address ?? '–';

function toneOf(worker: Worker): Tone {
  if (worker.health.unwell.some(({ status }) => status === 'down')) return 'bad';
  if (worker.health.unwell.length > 0 || worker.takeovers > 2 || worker.isDraining) return 'warn';
  return 'good';
}

function loadOf(worker: Worker): string {
  const running = plural(worker.callsInFlight, 'call');
  return worker.callsQueued > 0 ? `${running}, ${count(worker.callsQueued)} waiting` : running;
}

function HealthCell({ worker }: { worker: Worker }) {
  const { unwell, reported } = worker.health;
  const total = worker.tools ?? reported;
  if (unwell.length === 0) return <span class="muted">{total > 0 ? plural(total, 'tool') : 'no report'}</span>;
  const isDown = unwell.some(({ status }) => status === 'down');
  return (
    <Badge tone={isDown ? 'bad' : 'warn'} title={unwell.map(({ tool, status }) => `${tool}: ${status}`).join('\n')}>
      {unwell.length} unwell
    </Badge>
  );
}

interface WorkerDialogProps {
  worker: Worker;
  isAdmin: boolean;
  onEnd: (how: 'drain' | 'disconnect') => void;
  onClose: () => void;
}

function WorkerDialog({ worker, isAdmin, onEnd, onClose }: WorkerDialogProps) {
  const tools = useResource(`tools of ${worker.entityId} ${worker.environmentId}`, async (signal) => {
    const answer = await get<{ tools: Tool[] }>('/v1/tools', { environmentId: worker.environmentId, schemas: 0 }, signal);
    return answer.tools.filter((tool) => tool.entityId === worker.entityId);
  });
  const facts: [string, ComponentChildren][] = [
    ['Environment', worker.environment],
    ['Connected', <Ago at={worker.connectedAt} key="at" />],
    ['Load', worker.callsQueued > 0 ? `${count(worker.callsInFlight)} calls, ${count(worker.callsQueued)} of them not sent yet` : plural(worker.callsInFlight, 'call')],
    ['Takeovers', worker.takeovers === 0 ? 'none in the last ten minutes' : `${worker.takeovers} in the last ten minutes`],
  ];
  if (typeof worker.heartbeatAgeMs === 'number') facts.push(['Last heartbeat', `${duration(worker.heartbeatAgeMs)} ago`]);
  if (worker.address) facts.push(['Address', worker.address]);
  if (worker.instance) facts.push(['Process', [worker.instance.host, worker.instance.pid && `process ${worker.instance.pid}`, worker.instance.id].filter(Boolean).join(', ')]);
  if (typeof worker.gateway === 'number') facts.push(['Gateway', String(worker.gateway)]);
  facts.push(['Connection', <code key="id">{worker.connectionId}</code>]);
  return (
    <Dialog title={worker.entity} wide onClose={onClose}>
      <Facts items={facts} />
      <Loaded resource={tools}>{(list) => <ToolsOfWorker worker={worker} tools={list} />}</Loaded>
      {isAdmin && (
        <div class="dialog-foot">
          <button type="button" class="button" disabled={worker.isDraining} onClick={() => onEnd('drain')}>
            Drain
          </button>
          <button type="button" class="button button-danger" onClick={() => onEnd('disconnect')}>
            Disconnect
          </button>
        </div>
      )}
    </Dialog>
  );
}

const tones: Record<string, Tone> = { healthy: 'good', degraded: 'warn', down: 'bad' };

function ToolsOfWorker({ worker, tools }: { worker: Worker; tools: Tool[] }) {
  const unwell = new Map(worker.health.unwell.map((entry) => [entry.tool, entry]));
  const healthOf = (tool: Tool) => unwell.get(tool.name) ?? tool.health;
  const columns: Column<Tool>[] = [
    {
      id: 'name',
      title: 'Tool',
      width: 'minmax(10rem, 1.5fr)',
      sort: (tool) => tool.name,
      cell: (tool) => <a href={href(`/tools/${encodeURIComponent(tool.entity)}/${encodeURIComponent(tool.name)}`)}>{tool.name}</a>,
    },
    {
      id: 'health',
      title: 'Health',
      width: '7rem',
      sort: (tool) => ['down', 'degraded', 'healthy'].indexOf(healthOf(tool)?.status ?? 'healthy'),
      cell: (tool) => {
        const status = healthOf(tool)?.status;
        return status ? <Badge tone={tones[status] ?? 'neutral'}>{status}</Badge> : <span class="faint">no report</span>;
      },
    },
    { id: 'errors', title: 'Errors, last hour', width: '7rem', align: 'end', sort: (tool) => -(healthOf(tool)?.errorsLastHour ?? 0), cell: (tool) => healthOf(tool)?.errorsLastHour ?? '–' },
    { id: 'latency', title: 'Average', width: '5rem', align: 'end', cell: (tool) => duration(healthOf(tool)?.avgLatencyMs) },
    { id: 'error', title: 'Last error', width: 'minmax(8rem, 2fr)', wideOnly: true, cell: (tool) => <span title={healthOf(tool)?.lastError ?? undefined}>{healthOf(tool)?.lastError ?? '–'}</span> },
  ];
  return <Table label={`Tools of ${worker.entity}`} columns={columns} rows={tools} keyOf={(tool) => tool.name} sort="health" height="40vh" empty={<Empty title="It has no tools" />} />;
}

function EndDialog({ worker, how, onDone, onClose }: { worker: Worker; how: 'drain' | 'disconnect'; onDone: () => void; onClose: () => void }) {
  const path = `/v1/workers/${segment(worker.connectionId)}`;
  const run = async () => {
    if (how === 'drain') await post(`${path}/drain`);
    else await remove(path);
    toast(how === 'drain' ? `${worker.entity} is draining.` : `${worker.entity} was disconnected.`);
    onDone();
  };
  return how === 'drain' ? (
    <Confirm title={`Drain ${worker.entity}?`} action="Drain" run={run} onClose={onClose}>
      <p>
        The worker gets no more calls until it connects again{worker.callsInFlight > 0 ? `, and finishes ${plural(worker.callsInFlight, 'call')}` : ''}. Calls go to other workers of {worker.entity}; without
        one they fail with <code>worker_offline</code>.
      </p>
    </Confirm>
  ) : (
    <Confirm title={`Disconnect ${worker.entity}?`} action="Disconnect" run={run} onClose={onClose}>
      <p>
        The socket is closed at once. {worker.callsInFlight > 0 ? `${plural(worker.callsInFlight, 'call')} may run on and answer after the worker is back. ` : ''}A worker that still runs connects again by itself; rotate the
        secret of the entity to keep it out.
      </p>
    </Confirm>
  );
}
