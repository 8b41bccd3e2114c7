// CallReports: the progress and the log lines that a tool reports while its call runs.

import { useEffect, useRef, useState } from 'preact/hooks';

import { clockTime } from './format';
import './result.css';

export interface ProgressReport {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

export interface LogReport {
  readonly at: number;
  readonly level: string;
  readonly message: string;
}

interface ReportsProps {
  readonly progress: ProgressReport | null;
  readonly log: readonly LogReport[];
  /** Lines of the log that are no longer kept. */
  readonly dropped?: number;
  readonly isRunning: boolean;
}

export function CallReports({ progress, log, dropped = 0, isRunning }: ReportsProps) {
  const words = progress === null ? '' : wordsOf(progress);
  const aloud = useSlowly(words, 3000);
  if (progress === null && log.length === 0 && !isRunning) return null;
  return (
    <div class="reports">
      {(progress !== null || isRunning) && (
        <div class="stack">
          <Bar progress={progress} />
          {words !== '' && <p class="small muted wrap">{words}</p>}
        </div>
      )}
      <p class="visually-hidden" role="status" aria-live="polite">
        {aloud}
      </p>
      {log.length > 0 && <Log log={log} dropped={dropped} />}
    </div>
  );
}

function Bar({ progress }: { progress: ProgressReport | null }) {
  if (progress?.total === undefined || progress.total <= 0) return <progress aria-label="Progress" />;
  return <progress aria-label="Progress" value={Math.min(progress.progress, progress.total)} max={progress.total} />;
}

function wordsOf({ progress, total, message }: ProgressReport): string {
  const share = total === undefined ? String(progress) : `${progress} of ${total}`;
  return message === undefined || message === '' ? share : `${share}: ${message}`;
}

/** The log, which follows its end until the reader scrolls up. */
function Log({ log, dropped }: { log: readonly LogReport[]; dropped: number }) {
  const list = useRef<HTMLOListElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    const element = list.current;
    if (element !== null && follows.current) element.scrollTop = element.scrollHeight;
  }, [log]);
  const onScroll = () => {
    const element = list.current;
    if (element !== null) follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
  return (
    <ol class="report-log" ref={list} onScroll={onScroll} tabIndex={0} aria-label="Log of the call">
      {dropped > 0 && <li class="faint small">{dropped} earlier lines are not shown.</li>}
      {log.map((line, index) => (
        <li class="report-line" key={dropped + index}>
          <time dateTime={new Date(line.at).toISOString()}>{clockTime(line.at)}</time>
          <span data-level={line.level}>{line.level}</span>
          <span>{line.message}</span>
        </li>
      ))}
    </ol>
  );
}

/** A text that changes at most every so many milliseconds, for screen readers, which would never come to an end otherwise. */
function useSlowly(text: string, everyMs: number): string {
  const [shown, show] = useState(text);
  const latest = useRef(text);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  latest.current = text;
  useEffect(() => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      show(latest.current);
    }, everyMs);
  }, [text, everyMs]);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
  return shown;
}
