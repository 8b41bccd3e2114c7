// Timeline of a call: its steps in order, with the time of each as far as the gateway tells it.

import type { Call } from '../../api/types';
import { outcomeText } from './outcomes';

export type StepTone = 'neutral' | 'info' | 'good' | 'warn' | 'bad';

export interface Step {
  id: string;
  title: string;
  /** Milliseconds since the call was received; null where the journal has no time. */
  atMs: number | null;
  tone: StepTone;
  detail?: string;
}

/** A report of a running call that this page received. */
export interface Report {
  kind: 'progress' | 'log';
  /** Milliseconds since 1970. */
  at: number;
  text: string;
  level?: string;
}

/** The parts of the whole time that the gateway knows. */
export interface Spans {
  totalMs: number;
  workerMs: number | null;
  /** The gateway with its queue, and the way to the worker and back. */
  restMs: number | null;
}

export function spansOf(call: Call): Spans | null {
  if (call.totalMs === null) return null;
  const workerMs = call.latencyMs;
  // Clocks of two machines measure the two times, so the worker's may be longer by a little.
  return { totalMs: call.totalMs, workerMs, restMs: workerMs === null ? null : Math.max(0, call.totalMs - workerMs) };
}

export function timelineOf(call: Call, reports: readonly Report[] = []): Step[] {
  const started = Date.parse(call.startedAt);
  const steps: Step[] = [{ id: 'received', title: 'Received', atMs: 0, tone: 'neutral', detail: receivedBy(call) }];
  const end = call.outcome === null ? null : outcomeText(call.outcome);
  if (call.outcome === null) steps.push({ id: 'sent', title: 'At the worker, or waiting for it', atMs: null, tone: 'info', detail: `of ${call.entity}` });
  else if (end?.didRun === 'no') steps.push({ id: 'refused', title: 'Not sent to a worker', atMs: null, tone: 'warn' });
  else if (call.latencyMs !== null || end?.didRun === 'yes') steps.push({ id: 'sent', title: 'Sent to a worker', atMs: null, tone: 'neutral', detail: `of ${call.entity}` });
  else steps.push({ id: 'sent', title: 'Sent to a worker, as far as is known', atMs: null, tone: 'warn', detail: 'The journal has no answer of a worker.' });

  for (const [index, report] of reports.entries()) {
    const title = report.kind === 'progress' ? 'Progress' : `Log${report.level ? `, ${report.level}` : ''}`;
    steps.push({ id: `report-${index}`, title, atMs: Math.max(0, report.at - started), tone: toneOf(report), detail: report.text });
  }
  if (call.latencyMs !== null) steps.push({ id: 'ran', title: 'Ran in the worker', atMs: null, tone: 'neutral', detail: `for ${call.latencyMs} ms by the worker’s clock` });
  if (call.outcome !== null) {
    steps.push({ id: 'answered', title: answeredTitle(call.outcome), atMs: call.totalMs, tone: call.outcome === 'ok' ? 'good' : outcomeTone(call.outcome), detail: end?.text ?? '' });
  }
  return steps;
}

function receivedBy(call: Call): string {
  const who = call.agentId ? `agent ${call.agentId}` : `${call.role} ${call.credential}`;
  return call.userId ? `from ${who}, for the user ${call.userId}` : `from ${who}`;
}

function answeredTitle(outcome: string): string {
  if (outcome === 'ok') return 'Answered';
  if (outcome === 'abandoned') return 'Given up by the caller';
  return outcome === 'cancelled' ? 'Cancelled' : `Failed: ${outcome.replaceAll('_', ' ')}`;
}

const outcomeTone = (outcome: string): StepTone => (outcome === 'abandoned' || outcome === 'cancelled' ? 'warn' : 'bad');

function toneOf(report: Report): StepTone {
  if (report.kind === 'progress') return 'info';
  if (report.level === 'error' || report.level === 'critical') return 'bad';
  return report.level === 'warning' ? 'warn' : 'neutral';
}
