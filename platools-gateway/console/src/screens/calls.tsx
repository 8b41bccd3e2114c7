// Calls: the journal as a live list, with filters in the address.

import { useEffect, useMemo } from 'preact/hooks';

import { get, segment } from '../api/rest';
import type { Call, Page, Tool } from '../api/types';
import { useEnvironment } from '../environment';
import { projectEvents, type EventsStatus } from '../live/events';
import { useResource } from '../live/resource';
import { useStore } from '../live/store';
import { href, setQuery, usePlace } from '../router';
import { Badge, Outcome } from '../ui/badge';
import { FilterSelect, FilterText } from '../ui/field';
import { bytes, duration, plural } from '../ui/format';
import { Moment } from '../ui/moment';
import { Screen } from '../ui/screen';
import { Empty, ErrorState, Loading, Notice } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { messageOf } from '../api/problem';
import { useCredentialNames, type CredentialNames } from './access/names';
import { OUTCOME_NAMES, outcomeTitle } from './call/outcomes';
import { CallList, type ListState } from './calls/call-list';
import { FILTER_NAMES, filtersOf, hasFilter, WINDOWS, type CallFilters } from './calls/filters';
import './admin.css';

export function CallsScreen() {
  const { query } = usePlace();
  const text = FILTER_NAMES.map((name) => query.get(name) ?? '').join('\n');
  const filters = useMemo(() => filtersOf(query), [text]);
  const environment = useEnvironment();
  const list = useCallList(filters, environment);
  return (
    <Screen title="Calls" lead="Every call of a tool, also those that were refused. New calls appear at the top." actions={<LiveControls list={list} />}>
      <Filters filters={filters} />
      <Rows key={`${text}\n${environment}`} list={list} filters={filters} environment={environment} />
    </Screen>
  );
}

function useCallList(filters: CallFilters, environment: string | null): CallList {
  const list = useMemo(
    () =>
      new CallList({
        filters,
        environment,
        events: projectEvents,
        fetchPage: (query, signal) => get<Page<Call>>('/v1/calls', query, signal),
        fetchCall: (id, signal) => get<Call>(`/v1/calls/${segment(id)}`, {}, signal),
      }),
    [filters, environment],
  );
  useEffect(() => {
    list.start();
    return () => list.stop();
  }, [list]);
  return list;
}

const STATUS: Record<EventsStatus, { text: string; tone: 'good' | 'warn' | 'neutral' }> = {
  idle: { text: 'Connecting', tone: 'neutral' },
  connecting: { text: 'Connecting', tone: 'neutral' },
  live: { text: 'Live', tone: 'good' },
  waiting: { text: 'Reconnecting', tone: 'warn' },
  unavailable: { text: 'Live', tone: 'good' },
};

function LiveControls({ list }: { list: CallList }) {
  const { isPaused, waiting } = useStore(list.state);
  const status = STATUS[useStore(projectEvents.status)];
  return (
    <>
      <span role="status">{isPaused ? <Badge tone="warn">Paused</Badge> : <Badge tone={status.tone}>{status.text}</Badge>}</span>
      <button type="button" class="button" aria-pressed={isPaused} onClick={() => (isPaused ? list.resume() : list.pause())}>
        {isPaused ? (waiting > 0 ? `Show ${plural(waiting, 'new call')}` : 'Resume') : 'Pause'}
      </button>
    </>
  );
}

function Filters({ filters }: { filters: CallFilters }) {
  const { data: tools } = useResource('tools of the filter', async (signal) => (await get<{ tools: Tool[] }>('/v1/tools', { schemas: 0 }, signal)).tools);
  const names = useMemo(() => [...new Set((tools ?? []).map(({ name }) => name))].slice(0, 500), [tools]);
  const entities = useMemo(() => [...new Set((tools ?? []).map(({ entity }) => entity))], [tools]);
  const set = (name: keyof CallFilters) => (value: string) => setQuery({ [name]: value });
  return (
    <div class="filters" role="search" aria-label="Filters">
      <FilterText label="Tool" value={filters.tool} onChange={set('tool')} options={names} listId="calls-tools" />
      <FilterSelect
        label="Entity"
        value={filters.entity}
        onChange={set('entity')}
        options={[{ value: '', label: 'Any entity' }, ...withValue(entities, filters.entity).map((slug) => ({ value: slug, label: slug }))]}
      />
      <FilterSelect
        label="Outcome"
        value={filters.outcome}
        onChange={set('outcome')}
        options={[{ value: '', label: 'Any outcome' }, ...withValue(OUTCOME_NAMES, filters.outcome).map((name) => ({ value: name, label: outcomeTitle(name) }))]}
      />
      <FilterSelect
        label="Time"
        value={filters.last}
        onChange={set('last')}
        options={[{ value: '', label: 'Any time' }, ...Object.entries(WINDOWS).map(([value, { title }]) => ({ value, label: title }))]}
      />
      <FilterText label="Agent" value={filters.agent} onChange={set('agent')} />
      <FilterText label="User" value={filters.user} onChange={set('user')} />
      {hasFilter(filters) && (
        <button type="button" class="button button-plain" onClick={() => setQuery(Object.fromEntries(FILTER_NAMES.map((name) => [name, ''])))}>
          Clear filters
        </button>
      )}
    </div>
  );
}

/** Options with the value of the address, which may be none of them. */
const withValue = (options: string[], value: string): string[] => (value === '' || options.includes(value) ? options : [value, ...options]);

function Rows({ list, filters, environment }: { list: CallList; filters: CallFilters; environment: string | null }) {
  const state = useStore(list.state);
  const names = useCredentialNames();
  const columns = useMemo(() => columnsOf(environment === null, names), [environment, names]);
  if (state.rows.length === 0 && state.error !== null) return <ErrorState error={state.error} retry={() => void list.refresh()} />;
  if (state.rows.length === 0 && state.isLoading) return <Loading lines={8} />;
  return (
    <>
      {state.error !== null && <Notice tone="warn">This is not up to date: {messageOf(state.error)}</Notice>}
      <Table
        label="Calls"
        columns={columns}
        rows={state.rows}
        keyOf={(call) => call.callId}
        height="calc(100dvh - 17rem)"
        onEnd={() => void list.more()}
        empty={<NoCalls filters={filters} />}
        note={state.rows.length > 0 && <Note state={state} list={list} />}
      />
    </>
  );
}

function NoCalls({ filters }: { filters: CallFilters }) {
  if (hasFilter(filters)) return <Empty title="No call meets these filters">Take one of them back, or wait: calls that meet them appear here.</Empty>;
  return (
    <Empty title="No calls yet" actions={<a class="button" href={href('/tools')}>Try a tool</a>}>
      Calls over every protocol appear here the moment they begin.
    </Empty>
  );
}

function Note({ state, list }: { state: ListState; list: CallList }) {
  return (
    <div class="row">
      <span>{plural(state.rows.length, 'call')} shown</span>
      {state.hasMore && (
        <button type="button" class="button button-plain button-small" disabled={state.isLoading} onClick={() => void list.more()}>
          {state.isLoading ? 'Loading…' : 'Load older calls'}
        </button>
      )}
    </div>
  );
}

function columnsOf(hasEnvironments: boolean, names: CredentialNames): Column<Call>[] {
  const columns: Column<Call>[] = [
    { id: 'began', title: 'Began', width: '9rem', cell: ({ startedAt }) => <Moment at={startedAt} /> },
    { id: 'tool', title: 'Tool', width: 'minmax(10rem, 2fr)', cell: (call) => <a href={href(`/calls/${encodeURIComponent(call.callId)}`)}>{call.tool}</a> },
    { id: 'outcome', title: 'Outcome', width: '8.5rem', cell: ({ outcome }) => <Outcome outcome={outcome} /> },
    { id: 'total', title: 'Time', width: '5rem', align: 'end', cell: ({ totalMs }) => duration(totalMs) },
    { id: 'entity', title: 'Entity', width: 'minmax(6rem, 1fr)', cell: ({ entity }) => entity, wideOnly: true },
  ];
  if (hasEnvironments) columns.push({ id: 'environment', title: 'Environment', width: 'minmax(6rem, 1fr)', cell: ({ environment }) => environment, wideOnly: true });
  columns.push(
    { id: 'caller', title: 'Caller', width: 'minmax(8rem, 1.3fr)', cell: (call) => <span title={call.credential}>{callerOf(call, names)}</span>, wideOnly: true },
    { id: 'result', title: 'Result', width: '5rem', align: 'end', cell: ({ resultBytes }) => bytes(resultBytes), wideOnly: true },
  );
  return columns;
}

function callerOf(call: Call, names: CredentialNames): string {
  if (call.userId) return `user ${call.userId}`;
  return names.get(call.credential) ?? (call.agentId ? `agent ${call.agentId}` : `${call.role} ${call.credential}`);
}
