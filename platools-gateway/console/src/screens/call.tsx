// Call: one call of the journal, with its steps, arguments and result, and what can be done with it.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { messageOf } from '../api/problem';
import { remove, segment } from '../api/rest';
import { useResource } from '../live/resource';
import { href } from '../router';
import type { ScreenProps } from '../routes';
import { useIs } from '../session';
import { Outcome } from '../ui/badge';
import { CopyButton } from '../ui/copy';
import { bytes, duration, fullTime } from '../ui/format';
import { Card, Facts, Screen } from '../ui/screen';
import { Loaded, Notice } from '../ui/states';
import { toast } from '../ui/toast';
import { CopyCard } from './call/copy-card';
import { fetchCall, type ExactCall } from './call/detail';
import { outcomeText } from './call/outcomes';
import { Payload } from './call/payload';
import { ReplayDialog } from './call/replay';
import { TimelineView } from './call/timeline-view';
import './admin.css';

/** A running call is asked about so often. */
const WATCH_MS = 1000;

export function CallScreen({ params }: ScreenProps) {
  const id = params['id'] ?? '';
  const [isEnded, setEnded] = useState(false);
  const load = async (signal: AbortSignal) => {
    const call = await fetchCall(id, signal);
    if (call.status === 'ended') setEnded(true);
    return call;
  };
  const resource = useResource(`call ${id}`, load, { everyMs: isEnded ? undefined : WATCH_MS });
  const call = resource.data;
  return (
    <Screen
      title={call?.tool ?? 'Call'}
      lead={
        <span class="row">
          <a href={href('/calls')}>Calls</a>
          <span class="mono small">{id}</span>
          <CopyButton text={id} label="Copy the id" plain />
        </span>
      }
      actions={call && <Actions call={call} />}
    >
      <Loaded resource={resource}>{(loaded) => <Content call={loaded} />}</Loaded>
    </Screen>
  );
}

function Actions({ call }: { call: ExactCall }) {
  const mayCall = useIs('operator');
  const [isReplaying, setReplaying] = useState(false);
  const cancel = () => {
    void remove(`/v1/calls/${segment(call.callId)}`).then(
      () => toast('The call was cancelled.'),
      (error: unknown) => toast(messageOf(error), 'bad'),
    );
  };
  return (
    <>
      <a class="button" href={href(`/tools/${encodeURIComponent(call.entity)}/${encodeURIComponent(call.tool)}`)}>
        Open the tool
      </a>
      {mayCall && call.status === 'running' && (
        <button type="button" class="button button-danger" onClick={cancel}>
          Cancel
        </button>
      )}
      {mayCall && call.status === 'ended' && (
        <button type="button" class="button button-primary" onClick={() => setReplaying(true)}>
          Replay
        </button>
      )}
      {isReplaying && <ReplayDialog call={call} onClose={() => setReplaying(false)} />}
    </>
  );
}

function Content({ call }: { call: ExactCall }) {
  const end = call.outcome === null || call.outcome === 'ok' ? null : outcomeText(call.outcome);
  return (
    <>
      {end && (
        <Notice tone={call.outcome === 'cancelled' || call.outcome === 'abandoned' ? 'warn' : 'bad'}>
          {end.text} {end.didRun === 'no' ? 'The tool has not run. ' : end.didRun === 'unknown' ? 'The tool may have run. ' : ''}
          {end.advice}
        </Notice>
      )}
      <div class="call-columns">
        <div class="stack">
          <Card title="Timeline">
            <TimelineView call={call} />
          </Card>
          <Card title="Details">
            <Facts items={factsOf(call)} />
          </Card>
        </div>
        <div class="stack">
          <Payload title="Arguments" payload={call.arguments} missing={call.status === 'running' ? 'They are shown when the call has ended.' : 'The call had no arguments.'} />
          <Payload title={call.outcome === 'tool_failed' ? 'Error of the tool' : 'Result'} payload={call.result} missing={call.status === 'running' ? 'The call is still running.' : 'Nothing was returned.'} />
          {call.status === 'ended' && <CopyCard call={call} />}
        </div>
      </div>
    </>
  );
}

function factsOf(call: ExactCall): [string, ComponentChildren][] {
  return [
    ['Outcome', <Outcome outcome={call.outcome} />],
    ['Began', <time dateTime={call.startedAt}>{fullTime(call.startedAt)}</time>],
    ['Time in all', duration(call.totalMs)],
    ['Time in the worker', duration(call.latencyMs)],
    ['Entity', call.entity],
    ['Environment', call.environment],
    ['Credential', <span class="mono">{call.credential}</span>],
    ['Role', call.role],
    ...(call.userId ? [['User', call.userId] as [string, ComponentChildren]] : []),
    ...(call.agentId ? [['Agent', <span class="mono">{call.agentId}</span>] as [string, ComponentChildren]] : []),
    ['Arguments', bytes(call.argumentsBytes)],
    ['Result', bytes(call.resultBytes)],
  ];
}
