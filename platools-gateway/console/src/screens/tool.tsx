// Tool: one tool to try, with its schema for people and for models.

import { messageOf } from '../api/problem';
import { get, patch, segment } from '../api/rest';
import type { Activity, Tool } from '../api/types';
import { currentEnvironment } from '../environment';
import type { Schema } from '../form/merge';
import { SPAN } from '../live/activity';
import { useResource } from '../live/resource';
import { useReloadOn } from '../live/workers';
import { usePlace, useQueryParam } from '../router';
import type { ScreenProps } from '../routes';
import { useIs } from '../session';
import { Badge } from '../ui/badge';
import { CodeBlock } from '../ui/copy';
import { pretty } from '../ui/json';
import { Card, Screen } from '../ui/screen';
import { Loaded } from '../ui/states';
import { Tabs } from '../ui/tabs';
import { toast } from '../ui/toast';
import { About, HealthBadge } from './tool/about';
import { hintsOf } from './tool/callers';
import { Dialects } from './tool/dialects';
import { SchemaDoc } from './tool/schema-doc';
import './tool/tool.css';
import { TryIt } from './tool/try-it';

export function ToolScreen({ params }: ScreenProps) {
  const { query } = usePlace();
  const name = params['name'] ?? '';
  const entityId = params['entity'] ?? '';
  const environmentId = query.get('environment') ?? currentEnvironment() ?? undefined;
  const resource = useResource(`tool ${entityId} ${name} ${environmentId ?? ''}`, (signal) => get<Tool>(`/v1/tools/${segment(name)}`, { entityId, environmentId }, signal), { everyMs: 30_000 });
  useReloadOn(['tools_changed', 'worker_connected', 'worker_disconnected', 'restored'], resource.reload);
  const tool = resource.data;
  return (
    <Screen title={name} lead={tool?.description === '' ? undefined : <span class="tool-description">{tool?.description}</span>} actions={tool && <State tool={tool} onChange={resource.set} />}>
      <Loaded resource={resource}>{(shown) => <Parts tool={shown} />}</Loaded>
    </Screen>
  );
}

function State({ tool, onChange }: { tool: Tool; onChange: (tool: Tool) => void }) {
  const isAdmin = useIs('admin');
  return (
    <>
      {hintsOf(tool.annotations).map((hint) => (
        <Badge key={hint.text} tone={hint.tone} title={hint.title}>
          {hint.text}
        </Badge>
      ))}
      {tool.health !== null && tool.health.status !== 'healthy' && <HealthBadge health={tool.health} />}
      <Badge tone={tool.online ? 'good' : 'neutral'}>{tool.online ? 'online' : 'offline'}</Badge>
      {isAdmin ? <EnabledSwitch tool={tool} onChange={onChange} /> : !tool.enabled && <Badge tone="warn">switched off</Badge>}
    </>
  );
}

/** Switches a tool on or off, for admins. */
export function EnabledSwitch({ tool, onChange, isLabelHidden = false }: { tool: Tool; onChange: (tool: Tool) => void; isLabelHidden?: boolean }) {
  const change = async (enabled: boolean) => {
    try {
      onChange(await patch<Tool>(`/v1/tools/${segment(tool.name)}`, { enabled }, { entityId: tool.entityId, environmentId: tool.environmentId }));
      toast(enabled ? `${tool.name} is on: it can be called.` : `${tool.name} is off: its calls are refused until it is switched on.`);
    } catch (error) {
      toast(messageOf(error), 'bad');
    }
  };
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={tool.enabled} onChange={(event) => void change(event.currentTarget.checked)} />
      <span class={isLabelHidden ? 'visually-hidden' : undefined}>{isLabelHidden ? `${tool.name} is enabled` : 'Enabled'}</span>
    </label>
  );
}

function Parts({ tool }: { tool: Tool }) {
  const [tab, choose] = useQueryParam('tab', 'try');
  const activity = useResource(tab === 'about' ? `activity ${tool.fingerprint}` : null, (signal) => get<Activity>('/v1/activity', { tool: tool.name, seconds: SPAN, environmentId: tool.environmentId }, signal), { everyMs: 10_000 });
  const own = activity.data?.tools?.find((one) => one.name === tool.name && one.entity === tool.entity && one.environment === tool.environment);
  const tabs = [
    { id: 'try', label: 'Try it', content: () => <TryIt tool={tool} /> },
    { id: 'schema', label: 'Schema', content: () => <Schemas tool={tool} /> },
    { id: 'models', label: 'As models see it', content: () => <Dialects tool={tool} /> },
    { id: 'about', label: 'About', content: () => <About tool={tool} activity={own} /> },
  ];
  return <Tabs label="The tool" tabs={tabs} selected={tab} onSelect={choose} />;
}

function Schemas({ tool }: { tool: Tool }) {
  const { inputSchema, outputSchema } = tool;
  return (
    <div class="stack">
      <div class="columns">
        <Card title="Arguments">
          <SchemaDoc schema={inputSchema as Schema} none="The tool takes no arguments." />
        </Card>
        <Card title="Result">
          {outputSchema === null || outputSchema === undefined ? <p class="muted">The tool does not say what it returns.</p> : <SchemaDoc schema={outputSchema as Schema} none="An object without declared members." />}
        </Card>
      </div>
      <details>
        <summary>JSON schemas</summary>
        <CodeBlock text={pretty({ inputSchema, outputSchema })} label="JSON schemas of the tool" />
      </details>
    </div>
  );
}
