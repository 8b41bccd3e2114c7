// Payload of a call: arguments or a result, as far as the journal has them.

import { Card } from '../../ui/screen';
import { ResultView } from '../../ui/result';
import { Notice } from '../../ui/states';
import type { ExactPayload } from './detail';

export function Payload({ title, payload, missing }: { title: string; payload: ExactPayload | null; missing: string }) {
  return (
    <Card title={title}>
      {payload === null && <p class="muted">{missing}</p>}
      {payload?.state === 'dropped' && <p class="muted">The journal did not keep this: it was too large, or the settings of the journal leave it out.</p>}
      {payload !== null && payload.state !== 'dropped' && (
        <div class="stack">
          {payload.state === 'redacted' && <Notice>Secrets were removed before this was stored.</Notice>}
          <ResultView value={payload.value} label={title} />
        </div>
      )}
    </Card>
  );
}
