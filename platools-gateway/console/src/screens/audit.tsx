// Audit: administrative changes, sign-ins and refusals, with filters in the address.

import { useEffect, useMemo, useState } from 'preact/hooks';

import { isAbort, messageOf } from '../api/problem';
import { get } from '../api/rest';
import type { Page } from '../api/types';
import { setQuery, usePlace } from '../router';
import { Badge, type Tone } from '../ui/badge';
import { Dialog } from '../ui/dialog';
import { FilterSelect, FilterText } from '../ui/field';
import { fullTime, plural } from '../ui/format';
import { Moment } from '../ui/moment';
import { Facts, Screen } from '../ui/screen';
import { Empty, ErrorState, Loading, Notice } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { useCredentialNames, type CredentialNames } from './access/names';
import './admin.css';

interface AuditRecord {
  id: string;
  at: string;
  kind: 'change' | 'sign_in' | 'refusal';
  action: string;
  outcome: string;
  actor: { credential: string | null; role: string | null; userId: string | null; agentId: string | null; protocol: string; address: string | null; requestId: string | null };
  subject: string | null;
  detail: string | null;
  leftOut: number;
}

const KINDS: Record<AuditRecord['kind'], { title: string; tone: Tone }> = {
  change: { title: 'change', tone: 'accent' },
  sign_in: { title: 'sign-in', tone: 'neutral' },
  refusal: { title: 'refusal', tone: 'bad' },
};

const ACTIONS = [
  'entity.create', 'entity.rotate', 'entity.delete', 'environment.create', 'environment.delete', 'agent.create', 'agent.update', 'agent.delete', 'key.create', 'key.revoke',
  'token.mint', 'worker_token.mint', 'token.revoke', 'signing_key.rotate', 'tool.enable', 'tool.disable', 'project.create', 'project.delete', 'worker.connect', 'rpc.connect',
  'session.begin', 'socket.open', 'feed.connect', 'mcp_session.begin', 'caller.authenticate', 'caller.authorize', 'request.admit',
];

interface Filters {
  kind: string;
  action: string;
  actor: string;
}

export function AuditScreen() {
  const { query } = usePlace();
  const filters: Filters = { kind: query.get('kind') ?? '', action: query.get('action') ?? '', actor: query.get('actor') ?? '' };
  const records = useRecords(filters);
  const [opened, setOpened] = useState<AuditRecord | null>(null);
  const names = useCredentialNames();
  const columns = useMemo(() => columnsOf(names, setOpened), [names]);
  return (
    <Screen title="Audit" lead="Who changed what, who signed in, and who was refused." actions={<RefreshButton records={records} />}>
      <div class="filters" role="search" aria-label="Filters">
        <FilterSelect
          label="Kind"
          value={filters.kind}
          onChange={(kind) => setQuery({ kind })}
          options={[{ value: '', label: 'Any kind' }, ...Object.entries(KINDS).map(([value, { title }]) => ({ value, label: `${title}s` }))]}
        />
        <FilterText label="Action" value={filters.action} onChange={(action) => setQuery({ action })} options={ACTIONS} listId="audit-actions" />
        <FilterText label="Key, token, user or agent, by id" value={filters.actor} onChange={(actor) => setQuery({ actor })} />
      </div>
      <Records records={records} columns={columns} hasFilter={Object.values(filters).some(Boolean)} />
      {opened && <RecordDialog record={opened} onClose={() => setOpened(null)} />}
    </Screen>
  );
}

interface Records {
  rows: AuditRecord[];
  error: unknown;
  isLoading: boolean;
  hasMore: boolean;
  more: () => void;
  reload: () => void;
}

/** The records that meet the filters, page by page. */
function useRecords(filters: Filters): Records {
  const [state, setState] = useState<{ rows: AuditRecord[]; cursor: string | null; error: unknown; isLoading: boolean }>({ rows: [], cursor: null, error: null, isLoading: true });
  const [round, setRound] = useState(0);
  const { kind, action, actor } = filters;
  const load = async (cursor: string | null, signal?: AbortSignal) => {
    setState((old) => ({ ...old, isLoading: true }));
    try {
      const page = await get<Page<AuditRecord>>('/v1/audit', { kind, action, actor, limit: 200, cursor }, signal);
      setState((old) => ({ rows: cursor === null ? page.items : [...old.rows, ...page.items], cursor: page.nextCursor, error: null, isLoading: false }));
    } catch (error) {
      if (!isAbort(error)) setState((old) => ({ ...old, error, isLoading: false }));
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, rows: [], cursor: null }));
    void load(null, abort.signal);
    return () => abort.abort();
  }, [kind, action, actor, round]);
  return {
    rows: state.rows,
    error: state.error,
    isLoading: state.isLoading,
    hasMore: state.cursor !== null,
    more: () => {
      if (state.cursor !== null && !state.isLoading) void load(state.cursor);
    },
    reload: () => setRound((count) => count + 1),
  };
}

function RefreshButton({ records }: { records: Records }) {
  return (
    <button type="button" class="button" disabled={records.isLoading} onClick={records.reload}>
      Refresh
    </button>
  );
}

function Records({ records, columns, hasFilter }: { records: Records; columns: Column<AuditRecord>[]; hasFilter: boolean }) {
  const { rows, error, isLoading } = records;
  if (rows.length === 0 && error !== null) return <ErrorState error={error} retry={records.reload} />;
  if (rows.length === 0 && isLoading) return <Loading lines={8} />;
  return (
    <>
      {error !== null && <Notice tone="warn">The next page could not be loaded: {messageOf(error)}</Notice>}
      <Table
        label="Audit records"
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        height="calc(100dvh - 17rem)"
        onEnd={records.more}
        empty={<Empty title={hasFilter ? 'No record meets these filters' : 'No records yet'}>Changes, sign-ins and refusals appear here.</Empty>}
        note={
          rows.length > 0 && (
            <div class="row">
              <span>{plural(rows.length, 'record')} shown</span>
              {records.hasMore && (
                <button type="button" class="button button-plain button-small" disabled={isLoading} onClick={records.more}>
                  {isLoading ? 'Loading…' : 'Load older records'}
                </button>
              )}
            </div>
          )
        }
      />
    </>
  );
}

function columnsOf(names: CredentialNames, open: (record: AuditRecord) => void): Column<AuditRecord>[] {
  return [
    { id: 'at', title: 'Time', width: '9rem', cell: ({ at }) => <Moment at={at} /> },
    { id: 'kind', title: 'Kind', width: '6rem', cell: ({ kind }) => <Badge tone={KINDS[kind].tone}>{KINDS[kind].title}</Badge> },
    {
      id: 'action',
      title: 'Action',
      width: 'minmax(9rem, 1fr)',
      cell: (record) => (
        <button type="button" class="link mono" onClick={() => open(record)}>
          {record.action}
        </button>
      ),
    },
    { id: 'subject', title: 'Subject', width: 'minmax(8rem, 1.3fr)', cell: ({ subject }) => <span title={subject ?? ''}>{subject ?? '–'}</span> },
    { id: 'actor', title: 'By', width: 'minmax(8rem, 1.3fr)', cell: (record) => <span title={record.actor.credential ?? ''}>{actorOf(record, names)}</span>, wideOnly: true },
    { id: 'protocol', title: 'Over', width: '7rem', cell: ({ actor }) => actor.protocol.replaceAll('_', ' '), wideOnly: true },
    { id: 'detail', title: 'Detail', width: 'minmax(8rem, 1.6fr)', cell: ({ detail, leftOut }) => <span title={detail ?? ''}>{detailOf(detail, leftOut)}</span>, wideOnly: true },
  ];
}

function actorOf({ actor }: AuditRecord, names: CredentialNames): string {
  if (actor.userId) return `user ${actor.userId}`;
  if (actor.agentId) return `agent ${actor.agentId}`;
  if (actor.credential === null || actor.credential === 'nothing') return actor.address ?? 'the command line';
  return names.get(actor.credential) ?? actor.credential;
}

function detailOf(detail: string | null, leftOut: number): string {
  return [detail, leftOut > 0 ? `and ${plural(leftOut, 'more event')}` : null].filter(Boolean).join(' ') || '–';
}

function RecordDialog({ record, onClose }: { record: AuditRecord; onClose: () => void }) {
  const { actor } = record;
  const facts: [string, string | null][] = [
    ['Time', fullTime(record.at)],
    ['Kind', KINDS[record.kind].title],
    ['Outcome', record.outcome],
    ['Subject', record.subject],
    ['Detail', record.detail],
    ['Left out', record.leftOut > 0 ? `${plural(record.leftOut, 'more event')} of the same origin` : null],
    ['Credential', actor.credential],
    ['Role', actor.role],
    ['User', actor.userId],
    ['Agent', actor.agentId],
    ['Protocol', actor.protocol.replaceAll('_', ' ')],
    ['Address', actor.address],
    ['Request', actor.requestId],
    ['Record', record.id],
  ];
  return (
    <Dialog title={record.action} onClose={onClose}>
      <Facts items={facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== '')} />
      {actor.credential && actor.credential !== 'nothing' && (
        <div class="dialog-foot">
          <button
            type="button"
            class="button"
            onClick={() => {
              setQuery({ actor: actor.credential });
              onClose();
            }}
          >
            Show all of this credential
          </button>
        </div>
      )}
    </Dialog>
  );
}
