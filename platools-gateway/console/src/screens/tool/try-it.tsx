// TryIt: calls a tool with arguments from a form, and shows what it reports and returns.

import { useEffect, useMemo, useRef } from 'preact/hooks';

import type { Problem as FormProblem } from '../../form/assemble';
import { argumentsOf, newDraft, storable, type Draft } from '../../form/draft';
import { DraftEditor } from '../../form/editor';
import { focusFirstProblem } from '../../form/form';
import type { Schema } from '../../form/merge';
import { remaining } from '../../form/edited';
import { placeProblems } from '../../form/problems';
import { readSchema } from '../../form/read';
import { kindOf } from '../../environment';
import { RequestError } from '../../api/problem';
import type { Tool } from '../../api/types';
import { useStore } from '../../live/store';
import { useIs, useSession } from '../../session';
import { Card } from '../../ui/screen';
import { Notice } from '../../ui/states';
import { isReadOnly } from './callers';
import { argumentsKey, forget, remember } from './last-arguments';
import { Outcome } from './outcome';
import { draftAgain, trialOf } from './trial';

export function TryIt({ tool }: { tool: Tool }) {
  const session = useSession();
  const shape = useMemo(() => readSchema(tool.inputSchema as Schema), [tool.fingerprint]);
  const key = argumentsKey(session.projectId, tool.environmentId, tool.entityId, tool.name);
  const trial = useMemo(() => trialOf(key, session.credential.id, shape), [key, session.credential.id]);
  const draft = useStore(trial.draft);
  const problems = useStore(trial.problems);
  const tab = useStore(trial.tab);
  const timeout = useStore(trial.timeout);
  const { run } = trial;
  const state = useStore(run.state);
  const form = useRef<HTMLFormElement>(null);
  const outcome = useRef<HTMLDivElement>(null);
  const placed = useMemo(() => placeProblems(draft.node, problems), [draft.node, problems]);
  const mayCall = useIs('operator');

  // A worker that declares the tool anew keeps what was filled in.
  useEffect(() => trial.draft.update((old) => (old.shape === shape ? old : draftAgain(shape, old))), [trial, shape]);

  const edit = (next: Draft) => {
    trial.problems.update((old) => remaining(old, draft, next));
    trial.draft.set(next);
  };
  const complain = (found: readonly FormProblem[]) => {
    trial.problems.set(found);
    requestAnimationFrame(() => requestAnimationFrame(() => focusFirstProblem(form.current)));
  };
  const submit = async (event?: Event) => {
    event?.preventDefault();
    if (state.isRunning || !mayCall || !tool.enabled) return;
    const ready = argumentsOf(draft);
    if (ready.text === null) return complain(ready.problems);
    trial.problems.set([]);
    const kept = storable(draft);
    if (kept !== null) remember(key, kept);
    const ended = run.start(tool, ready.text, millisecondsOf(timeout));
    outcome.current?.scrollIntoView({ block: 'nearest' });
    await ended;
    const { ending } = run.state.get();
    if (ending?.kind === 'error' && ending.error instanceof RequestError && ending.error.code === 'invalid_arguments') {
      complain(ending.error.errors.map(({ path, message }) => ({ pointer: path ?? '', message })));
    }
  };
  const clear = () => {
    forget(key);
    trial.problems.set([]);
    trial.draft.set(newDraft(shape));
    run.clear();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void submit(event);
  };

  return (
    <div class="try-it">
      <Card title="Arguments">
        <form ref={form} class="stack" noValidate onSubmit={(event) => void submit(event)} onKeyDown={onKeyDown}>
          <Obstacle tool={tool} mayCall={mayCall} />
          <DraftEditor draft={draft} onChange={edit} problems={placed} label="Arguments" tab={tab} onTab={(next) => trial.tab.set(next)} />
          <div class="try-it-foot">
            <RunButton tool={tool} isRunning={state.isRunning} isOff={!mayCall || !tool.enabled} onCancel={() => run.cancel()} />
            <label class="row small muted">
              Timeout
              <input class="input try-it-timeout" inputMode="decimal" autocomplete="off" placeholder="the tool’s own" value={timeout} onInput={(event) => trial.timeout.set(event.currentTarget.value)} />
              seconds
            </label>
            <span class="spacer" />
            <button type="button" class="button button-plain button-small" onClick={clear}>
              Clear
            </button>
          </div>
        </form>
      </Card>
      <div ref={outcome}>
        <Outcome state={state} />
      </div>
    </div>
  );
}

function RunButton({ tool, isRunning, isOff, onCancel }: { tool: Tool; isRunning: boolean; isOff: boolean; onCancel: () => void }) {
  const isProduction = kindOf(tool.environment) === 'production';
  const isDanger = isProduction && !isReadOnly(tool.annotations);
  return (
    <>
      <button type="submit" class="button button-primary" aria-disabled={isOff || isRunning} data-is-danger={isDanger ? '' : undefined} aria-keyshortcuts="Control+Enter" title="Ctrl+Enter">
        {isRunning ? 'Running…' : isProduction ? `Run in ${tool.environment}` : 'Run'}
      </button>
      {isRunning && (
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
      )}
    </>
  );
}

/** The reason why a call will fail. */
function Obstacle({ tool, mayCall }: { tool: Tool; mayCall: boolean }) {
  if (!mayCall) return <Notice tone="info">Your role may look at tools and not call them. Sign in with an operator’s key to run this one.</Notice>;
  if (!tool.enabled) return <Notice tone="warn">The tool is switched off, so that its calls are refused. An admin may switch it on.</Notice>;
  if (!tool.online) return <Notice tone="warn">No worker with this tool is connected. A call waits for one for a moment, and fails then.</Notice>;
  return null;
}

function millisecondsOf(seconds: string): number | null {
  const value = Number(seconds);
  return seconds.trim() === '' || !Number.isFinite(value) || value <= 0 ? null : Math.round(value * 1000);
}
