// Replay: the same call again, as the signed-in caller, as it was or with edited arguments in the form of the tool.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { RequestError } from '../../api/problem';
import { get, segment } from '../../api/rest';
import type { Tool } from '../../api/types';
import { kindOf } from '../../environment';
import type { Problem as FormProblem } from '../../form/assemble';
import { argumentsOf as textOf, draftOf, type Draft } from '../../form/draft';
import { DraftEditor } from '../../form/editor';
import { remaining } from '../../form/edited';
import { focusFirstProblem } from '../../form/form';
import type { Schema } from '../../form/merge';
import { placeProblems } from '../../form/problems';
import { readSchema } from '../../form/read';
import { useResource } from '../../live/resource';
import { useStore } from '../../live/store';
import { Dialog } from '../../ui/dialog';
import { Loading, Notice } from '../../ui/states';
import { Outcome } from '../tool/outcome';
import { ToolRun } from '../tool/run';
import { argumentsOf, type ExactCall } from './detail';

export function ReplayDialog({ call, onClose }: { call: ExactCall; onClose: () => void }) {
  const load = (signal: AbortSignal) => get<Tool>(`/v1/tools/${segment(call.tool)}`, { entityId: call.entityId, environmentId: call.environmentId }, signal);
  const tool = useResource(`tool of ${call.callId}`, load);
  const isGone = tool.error instanceof RequestError && tool.error.status === 404;
  return (
    <Dialog title={`Replay ${call.tool}`} onClose={onClose} wide>
      {call.arguments?.state === 'redacted' && <Notice tone="warn">Secrets were removed from these arguments. Fill them in before you call.</Notice>}
      {call.arguments?.state === 'dropped' && <Notice tone="warn">The journal did not keep the arguments. Fill them in.</Notice>}
      {isGone && <Notice tone="warn">This tool is not there any more, so that a call of it is refused.</Notice>}
      {tool.isLoading && tool.data === undefined ? <Loading lines={4} /> : <Replay call={call} schema={(tool.data?.inputSchema ?? true) as Schema} onClose={onClose} />}
    </Dialog>
  );
}

function Replay({ call, schema, onClose }: { call: ExactCall; schema: Schema; onClose: () => void }) {
  const shape = useMemo(() => readSchema(schema), []);
  const [draft, setDraft] = useState<Draft>(() => draftOf(shape, argumentsOf(call)));
  const [problems, setProblems] = useState<readonly FormProblem[]>([]);
  const [tab, setTab] = useState('form');
  const run = useMemo(() => new ToolRun(), []);
  useEffect(() => () => run.cancel(), [run]);
  const state = useStore(run.state);
  const form = useRef<HTMLFormElement>(null);
  const placed = useMemo(() => placeProblems(draft.node, problems), [draft.node, problems]);
  const isProduction = kindOf(call.environment) === 'production';

  const edit = (next: Draft) => {
    setProblems(remaining(problems, draft, next));
    setDraft(next);
  };
  const complain = (found: readonly FormProblem[]) => {
    setProblems(found);
    // The fields of the problems are drawn first.
    requestAnimationFrame(() => requestAnimationFrame(() => focusFirstProblem(form.current)));
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (state.isRunning) return;
    const ready = textOf(draft);
    if (ready.text === null) return complain(ready.problems);
    setProblems([]);
    await run.start({ name: call.tool, entityId: call.entityId, environmentId: call.environmentId }, ready.text, null);
    const { ending } = run.state.get();
    if (ending?.kind === 'error' && ending.error instanceof RequestError && ending.error.code === 'invalid_arguments') {
      complain(ending.error.errors.map(({ path, message }) => ({ pointer: path ?? '', message })));
    }
  };

  return (
    <form ref={form} class="stack" noValidate onSubmit={(event) => void submit(event)}>
      <DraftEditor draft={draft} onChange={edit} problems={placed} label="Arguments" tab={tab} onTab={setTab} />
      {(state.isRunning || state.ending !== null) && <Outcome state={state} />}
      <div class="dialog-foot">
        {state.isRunning ? (
          <button type="button" class="button button-danger" onClick={() => run.cancel()}>
            Cancel the call
          </button>
        ) : (
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
        )}
        <button type="submit" class="button button-primary" aria-disabled={state.isRunning}>
          {state.isRunning ? 'Calling…' : isProduction ? `Call in ${call.environment}` : 'Call'}
        </button>
      </div>
    </form>
  );
}
