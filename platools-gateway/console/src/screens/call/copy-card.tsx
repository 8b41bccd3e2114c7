// Copy card: the call as a command or a program.

import { useState } from 'preact/hooks';

import { CodeBlock } from '../../ui/copy';
import { Card } from '../../ui/screen';
import { Notice } from '../../ui/states';
import { Tabs } from '../../ui/tabs';
import { COPIES, KEY_VARIABLE } from './copy-as';
import { argumentsOf, type ExactCall } from './detail';

export function CopyCard({ call }: { call: ExactCall }) {
  const [selected, setSelected] = useState('curl');
  const copied = { url: location.origin, tool: call.tool, entity: call.entity, environment: call.environment, arguments: argumentsOf(call) };
  return (
    <Card title="Copy as">
      <div class="stack">
        {call.arguments && call.arguments.state !== 'kept' && <Notice tone="warn">The journal does not have the arguments as they were, so this is not the same call.</Notice>}
        <Tabs
          label="Copy as"
          selected={selected}
          onSelect={setSelected}
          tabs={COPIES.map(({ id, title, write }) => ({ id, label: title, content: () => <CodeBlock text={write(copied)} label={`The call as ${title}`} /> }))}
        />
        <p class="small muted">
          Put a key or token into <span class="mono">{KEY_VARIABLE}</span>. No copy has a key in it.
        </p>
      </div>
    </Card>
  );
}
