// About: where a tool comes from, who may call it, and how it does.

import type { Tool, ToolActivity } from '../../api/types';
import { href } from '../../router';
import { Badge } from '../../ui/badge';
import { Sparkline } from '../../ui/chart';
import { count, duration, plural } from '../../ui/format';
import { pretty } from '../../ui/json';
import { Card, Facts } from '../../ui/screen';
import { Ago } from '../../ui/time';
import { callersOf, hintsOf, limitsOf } from './callers';

export function About({ tool, activity }: { tool: Tool; activity: ToolActivity | undefined }) {
  const limits = limitsOf(tool.annotations);
  const hints = hintsOf(tool.annotations);
  const others = Object.entries(tool.annotations).filter(([name]) => !KNOWN.includes(name));
  return (
    <div class="columns">
      <Card title="About">
        <Facts
          items={[
            ['Entity', <a href={href('/workers', { entity: tool.entity })}>{tool.entity}</a>],
            ['Environment', tool.environment],
            ['Who may call', callersOf(tool)],
            ['Hints', hints.length === 0 ? <span class="muted">none</span> : <span class="row">{hints.map((hint) => <Badge key={hint.text} tone={hint.tone} title={hint.title}>{hint.text}</Badge>)}</span>],
            ['Limits', limits.length === 0 ? <span class="muted">those of the gateway</span> : limits.join(', ')],
            ['Declared', <Ago at={tool.changedAt} />],
            ['Fingerprint', <code class="wrap small">{tool.fingerprint}</code>],
            ...others.map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : pretty(value)]),
          ]}
        />
      </Card>
      <Card title="Health" actions={<a href={href('/calls', { tool: tool.name })}>Calls of this tool</a>}>
        <div class="stack">
          <Health tool={tool} />
          {activity !== undefined && <ActivityFigures activity={activity} />}
        </div>
      </Card>
    </div>
  );
}

const KNOWN = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint', 'strictArguments', 'timeoutMs', 'maxConcurrency', 'exposeErrors'];

function Health({ tool: { health, online } }: { tool: Tool }) {
  if (health === null) return <p class="muted">{online ? 'The worker has not reported anything about this tool yet.' : 'No worker with this tool is connected.'}</p>;
  return (
    <Facts
      items={[
        ['Status', <HealthBadge health={health} />],
        ['Since', <Ago at={health.since} />],
        ['Mean time', duration(health.avgLatencyMs)],
        ['Faults in the last hour', count(health.errorsLastHour ?? 0)],
        ...(health.lastError ? [['Latest fault', <span class="wrap">{health.lastError}</span>] as [string, preact.ComponentChildren]] : []),
      ]}
    />
  );
}

export function HealthBadge({ health }: { health: NonNullable<Tool['health']> }) {
  return <Badge tone={health.status === 'healthy' ? 'good' : health.status === 'degraded' ? 'warn' : 'bad'}>{health.status}</Badge>;
}

function ActivityFigures({ activity }: { activity: ToolActivity }) {
  const values = (activity.series ?? []).map(({ p50Ms }) => p50Ms);
  const label = `${plural(activity.calls, 'call')} in the last half hour, ${count(activity.errors)} failed, half of them within ${duration(activity.p50Ms)}, 95 % within ${duration(activity.p95Ms)}.`;
  return (
    <div class="stack">
      <p>{label}</p>
      {values.length > 1 && <Sparkline values={values} label={`Median time of calls: ${label}`} />}
    </div>
  );
}
