// Outcomes of calls in words: what happened, whether the tool ran, and what to do about it.

export type DidRun = 'yes' | 'no' | 'unknown';

export interface OutcomeText {
  /** A sentence about what happened. */
  text: string;
  /** What to do about it. */
  advice?: string;
  didRun: DidRun;
}

const OUTCOMES: Record<string, OutcomeText> = {
  ok: { text: 'The tool returned a result.', didRun: 'yes' },
  abandoned: { text: 'The caller went away before the answer.', advice: 'Check whether the caller has a shorter timeout than the tool.', didRun: 'unknown' },
  cancelled: { text: 'The call was cancelled.', didRun: 'unknown' },
  tool_failed: { text: 'The tool ran and answered with an error of its own.', advice: 'The error is in the result below; the worker’s log has more.', didRun: 'yes' },
  invalid_arguments: { text: 'The arguments do not fit the schema of the tool.', advice: 'Replay the call with edited arguments: each problem is shown at its field.', didRun: 'no' },
  timeout: { text: 'No answer came in time.', advice: 'The tool may still have run. Call with a longer timeout, or raise the timeout that the tool declares.', didRun: 'unknown' },
  worker_offline: { text: 'No worker with this tool was connected.', advice: 'Start the worker, then call again. Nothing has run.', didRun: 'no' },
  worker_busy: { text: 'The worker reads too slowly to take another call.', advice: 'Call again later, or start another worker in a pool.', didRun: 'no' },
  worker_lost: { text: 'The worker went away while it had the call, and did not come back with an answer.', advice: 'Look at the worker’s log before calling again: the tool may have run.', didRun: 'unknown' },
  interrupted: { text: 'The gateway stopped before the answer came.', advice: 'The tool may have run. Use an idempotency key to repeat such calls safely.', didRun: 'unknown' },
  forbidden: { text: 'The tool does not take this caller.', advice: 'Compare the roles of the tool with those of the key or token.', didRun: 'no' },
  tool_disabled: { text: 'The tool is switched off.', advice: 'An admin can switch it on again on its page.', didRun: 'no' },
  rate_limited: { text: 'The caller made too many calls.', advice: 'Wait a moment, or raise the limit in the settings.', didRun: 'no' },
  ambiguous_tool: { text: 'Several entities have a tool of this name.', advice: 'Name the entity with `entityId`.', didRun: 'no' },
  unknown_tool: { text: 'There is no tool of this name.', didRun: 'no' },
  too_large: { text: 'The call is larger than the gateway takes.', didRun: 'no' },
  storage: { text: 'The database failed.', advice: 'Nothing has run. Look at the gateway’s log.', didRun: 'no' },
  busy: { text: 'The gateway had no room for the call.', advice: 'Call again later.', didRun: 'no' },
  overloaded: { text: 'The gateway had no room for the call.', advice: 'Call again later.', didRun: 'no' },
};

/** The outcomes that a filter offers, the most frequent first. */
export const OUTCOME_NAMES = [
  'ok', 'tool_failed', 'invalid_arguments', 'timeout', 'worker_offline', 'worker_lost', 'worker_busy', 'cancelled', 'abandoned', 'forbidden', 'tool_disabled', 'interrupted',
];

export function outcomeText(outcome: string): OutcomeText {
  return OUTCOMES[outcome] ?? { text: `The call ended with ${outcome.replaceAll('_', ' ')}.`, didRun: 'unknown' };
}

export const outcomeTitle = (outcome: string): string => outcome.replaceAll('_', ' ');
