// Log: the gateway's log as it grows, by level and by words, followed or paused.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { RpcClient, RpcError } from '../api/rpc';
import { Batch } from '../live/batch';
import { Store, useStore } from '../live/store';
import { setQuery, usePlace } from '../router';
import { useSession } from '../session';
import { Badge } from '../ui/badge';
import { CopyButton } from '../ui/copy';
import { FilterSelect } from '../ui/field';
import { count, plural } from '../ui/format';
import { Screen } from '../ui/screen';
import { Empty, ErrorState, Loading } from '../ui/states';
import { LEVELS, append, filtered, lineOf, type Level, type LogLine } from './log/lines';
import './admin.css';

interface LogState {
  lines: LogLine[];
  isLoaded: boolean;
  error: unknown;
}

/** The log over one connection. After a lost connection the last lines are asked for again. */
class LogFollower {
  readonly state = new Store<LogState>({ lines: [], isLoaded: false, error: null });
  readonly rpc: RpcClient;
  readonly #batch = new Batch<LogLine>((lines) => this.state.update((old) => ({ ...old, lines: append(old.lines, lines) })));
  #leave: (() => void)[] = [];

  constructor(userId: string) {
    this.rpc = new RpcClient({ userId });
  }

  start(): void {
    this.#leave = [
      this.rpc.on('log', (payload) => {
        const line = lineOf(payload);
        if (line) this.#batch.add(line);
      }),
      this.rpc.status.subscribe(() => {
        if (this.rpc.status.get() === 'open') void this.#tail();
      }),
    ];
    this.rpc.start();
  }

  stop(): void {
    for (const leave of this.#leave) leave();
    this.#batch.close();
    this.rpc.stop();
  }

  async #tail(): Promise<void> {
    try {
      const { lines } = await this.rpc.request<{ lines: unknown[] }>('logs.tail', { lines: 1000 });
      this.#batch.close();
      const read = lines.map(lineOf).filter((line) => line !== undefined);
      this.state.set({ lines: read, isLoaded: true, error: null });
    } catch (error) {
      if (!(error instanceof RpcError && error.code === 'CONNECTION_LOST')) this.state.update((old) => ({ ...old, error }));
    }
  }
}

export function LogScreen() {
  const session = useSession();
  const follower = useMemo(() => new LogFollower(session.userId ?? 'console'), [session.userId]);
  useEffect(() => {
    follower.start();
    return () => follower.stop();
  }, [follower]);
  const { query } = usePlace();
  const level = LEVELS.find((known) => known === query.get('level')) ?? 'info';
  const search = query.get('search') ?? '';
  const [frozen, setFrozen] = useState<LogLine[] | null>(null);
  const state = useStore(follower.state);
  const isConnected = useStore(follower.rpc.status) === 'open';
  const shown = useMemo(() => filtered(frozen ?? state.lines, level, search), [frozen, state.lines, level, search]);
  const waiting = frozen === null ? 0 : newerThan(state.lines, frozen);
  return (
    <Screen
      title="Log"
      lead="The log of the whole gateway. It has no secrets, arguments or results."
      actions={
        <>
          <span role="status">{frozen ? <Badge tone="warn">Paused</Badge> : <Badge tone={isConnected ? 'good' : 'warn'}>{isConnected ? 'Live' : 'Connecting'}</Badge>}</span>
          <button type="button" class="button" aria-pressed={frozen !== null} onClick={() => setFrozen(frozen ? null : state.lines)}>
            {frozen ? (waiting > 0 ? `Show ${plural(waiting, 'new line')}` : 'Resume') : 'Pause'}
          </button>
          <CopyButton label="Copy the lines" text={() => shown.map(asText).join('\n')} />
        </>
      }
    >
      <div class="filters" role="search" aria-label="Filters">
        <FilterSelect label="Level" value={level} onChange={(next) => setQuery({ level: next === 'info' ? '' : next })} options={LEVELS.map((value) => ({ value, label: LEVEL_TITLES[value] }))} />
        <input class="input" type="search" aria-label="Search the lines" placeholder="Search" value={search} onInput={(event) => setQuery({ search: event.currentTarget.value })} />
        <span class="muted small">
          {count(shown.length)} of {plural(state.lines.length, 'line')}
        </span>
      </div>
      <Lines state={state} lines={shown} isFollowing={frozen === null} />
    </Screen>
  );
}

const LEVEL_TITLES: Record<Level, string> = { error: 'Errors only', warn: 'Warnings and errors', info: 'Info and above', debug: 'Everything' };

function newerThan(lines: readonly LogLine[], frozen: readonly LogLine[]): number {
  const last = frozen.at(-1)?.id ?? 0;
  return lines.filter(({ id }) => id > last).length;
}

const asText = ({ at, level, target, message, fields }: LogLine): string =>
  [at, level.toUpperCase().padEnd(5), target, message, ...fields.map(([name, value]) => `${name}=${value}`)].join(' ');

/** Lines in the document at once. The others are there for the search. */
const DRAWN = 500;

function Lines({ state, lines, isFollowing }: { state: LogState; lines: LogLine[]; isFollowing: boolean }) {
  const element = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const [drawn, setDrawn] = useState(DRAWN);
  useLayoutEffect(() => {
    const box = element.current;
    if (box && isFollowing && isAtEnd.current) box.scrollTop = box.scrollHeight;
  }, [lines, isFollowing]);
  if (state.error !== null) return <ErrorState error={state.error} />;
  if (!state.isLoaded) return <Loading lines={10} />;
  if (lines.length === 0) return <Empty title={state.lines.length === 0 ? 'The log is empty' : 'No line meets these filters'}>New lines appear here.</Empty>;
  const first = Math.max(0, lines.length - drawn);
  const onScroll = () => {
    const box = element.current;
    if (box) isAtEnd.current = box.scrollTop + box.clientHeight > box.scrollHeight - 24;
  };
  return (
    <div class="log" role="log" aria-live="off" aria-label="Lines of the log" tabIndex={0} ref={element} onScroll={onScroll}>
      {first > 0 && (
        <button type="button" class="button button-plain button-small" onClick={() => setDrawn(drawn + DRAWN)}>
          Show {plural(Math.min(first, DRAWN), 'earlier line')}
        </button>
      )}
      {lines.slice(first).map((line) => (
        <Line key={line.id} line={line} />
      ))}
    </div>
  );
}

function Line({ line }: { line: LogLine }) {
  return (
    <div class="log-line" data-level={line.level}>
      <time class="log-time" dateTime={line.at}>
        {line.at.slice(11, 23)}
      </time>
      <span class="log-level">{line.level}</span>
      <span class="log-text">
        <span class="faint">{line.target} </span>
        {line.message}
        {line.fields.map(([name, value]) => (
          <span key={name}>
            {' '}
            <span class="log-name">{name}=</span>
            {value}
          </span>
        ))}
      </span>
    </div>
  );
}
