// Outcome: the running call, or the end of the last one.

import { RequestError, messageOf } from '../../api/problem';
import { fromPlain } from '../../json';
import { href } from '../../router';
import { sentence } from '../../form/label';
import { Badge } from '../../ui/badge';
import { duration } from '../../ui/format';
import { Json } from '../../ui/json';
import { CallReports } from '../../ui/progress';
import { ResultView } from '../../ui/result';
import { Card } from '../../ui/screen';
import { useNow } from '../../ui/time';
import type { Ending, RunState } from './run';

export function Outcome({ state }: { state: RunState }) {
  const { isRunning, ending, progress, log, dropped } = state;
  return (
    <Card title="Result" actions={<Times state={state} />}>
      <div class="stack">
        <p class="visually-hidden" role="status" aria-live="polite">
          {announcement(state)}
        </p>
        {!isRunning && ending === null && <p class="muted">Run the tool to see its result here. Ctrl+Enter runs it from any field.</p>}
        {(isRunning || progress !== null || log.length > 0) && <CallReports progress={progress} log={log} dropped={dropped} isRunning={isRunning} />}
        {ending !== null && <EndingView ending={ending} />}
      </div>
    </Card>
  );
}

function Times({ state }: { state: RunState }) {
  const { isRunning, ending, tookMs } = state;
  if (isRunning) return <Elapsed startedAt={state.startedAt} />;
  if (ending === null) return null;
  const callId = callOf(ending);
  return (
    <div class="row small muted">
      <EndingBadge ending={ending} />
      <span title="The time from here to the answer">{duration(tookMs)}</span>
      {ending.kind === 'result' && ending.latencyMs !== null && <span title="The time that the worker measured">worker {duration(ending.latencyMs)}</span>}
      {callId !== null && <a href={href(`/calls/${encodeURIComponent(callId)}`)}>Call</a>}
    </div>
  );
}

function Elapsed({ startedAt }: { startedAt: number }) {
  const now = useNow();
  return (
    <div class="row small muted">
      <Badge tone="info">running</Badge>
      {now - startedAt > 1000 && duration(Math.floor((now - startedAt) / 1000) * 1000)}
    </div>
  );
}

function EndingBadge({ ending }: { ending: Ending }) {
  if (ending.kind === 'result') return <Badge tone="good">ok</Badge>;
  if (ending.kind === 'cancelled') return <Badge tone="warn">cancelled</Badge>;
  return <Badge tone="bad">{ending.error instanceof RequestError ? ending.error.code.replaceAll('_', ' ') : 'failed'}</Badge>;
}

function EndingView({ ending }: { ending: Ending }) {
  if (ending.kind === 'result') return <ResultView value={ending.value} />;
  if (ending.kind === 'cancelled') return <p class="muted">The call was cancelled. A worker that knows how was told; what the tool did before that stays done.</p>;
  return <Failure error={ending.error} />;
}

function Failure({ error }: { error: unknown }) {
  const problem = error instanceof RequestError ? error.problem : null;
  const details = problem?.toolError?.details;
  return (
    <div class="stack">
      <p class="fault wrap result-failure">{sentence(messageOf(error))}</p>
      {problem?.code === 'invalid_arguments' && <p class="muted">The tool has not run. Each problem stands at its field.</p>}
      {problem?.retryable === true && <p class="muted">The tool has certainly not run, and the same call may succeed later.</p>}
      {problem?.toolError?.code !== undefined && (
        <p class="muted">
          Code of the tool: <code>{problem.toolError.code}</code>
          {problem.toolError.retryable === true && ', which may succeed later'}
        </p>
      )}
      {details !== undefined && details !== null && <Json value={fromPlain(details)} label="Details of the failure" />}
      {problem?.requestId !== undefined && <p class="faint small mono">request {problem.requestId}</p>}
    </div>
  );
}

function callOf(ending: Ending): string | null {
  if (ending.kind === 'result') return ending.callId === '' ? null : ending.callId;
  return ending.kind === 'error' && ending.error instanceof RequestError ? (ending.error.problem.callId ?? null) : null;
}

function announcement({ isRunning, ending, tookMs }: RunState): string {
  if (isRunning) return 'The tool is running.';
  if (ending === null) return '';
  if (ending.kind === 'result') return `The result is there after ${duration(tookMs)}.`;
  return ending.kind === 'cancelled' ? 'The call was cancelled.' : `The call failed: ${messageOf(ending.error)}`;
}
