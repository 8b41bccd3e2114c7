// Timeline view: the steps of a call with their times, and a bar of the parts of the whole time.

import type { Call } from '../../api/types';
import { duration } from '../../ui/format';
import { spansOf, timelineOf, type Report } from './timeline';

export function TimelineView({ call, reports = [] }: { call: Call; reports?: readonly Report[] }) {
  return (
    <div class="stack">
      <TimeBar call={call} />
      <ol class="call-steps">
        {timelineOf(call, reports).map((step) => (
          <li key={step.id} data-tone={step.tone}>
            <span class="call-step-time number">{step.atMs === null ? '' : step.atMs === 0 ? '0 ms' : `+${duration(step.atMs)}`}</span>
            <span class="call-step-mark" aria-hidden="true" />
            <span class="call-step-text">
              <strong>{step.title}</strong>
              {step.detail && <span class="muted wrap"> {step.detail}</span>}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** The worker's time within the whole time. The journal has no time of the sending, so the rest is shown in equal parts around it. */
function TimeBar({ call }: { call: Call }) {
  const spans = spansOf(call);
  if (!spans) return null;
  const worker = spans.workerMs === null ? 0 : Math.min(1, spans.workerMs / Math.max(1, spans.totalMs));
  const parts = spans.workerMs === null ? [['all', 1] as const] : ([['rest', (1 - worker) / 2], ['worker', worker], ['rest', (1 - worker) / 2]] as const);
  const text =
    spans.workerMs === null ? `${duration(spans.totalMs)} in all` : `${duration(spans.totalMs)} in all: ${duration(spans.workerMs)} in the worker, ${duration(spans.restMs)} in the gateway, its queue and on the way`;
  return (
    <div class="stack call-time">
      <div class="call-bar" role="img" aria-label={text}>
        {parts.map(([kind, share], index) => (
          <span key={index} data-part={kind} style={{ width: `${share * 100}%` }} />
        ))}
      </div>
      <p class="small muted">{text}.</p>
    </div>
  );
}
