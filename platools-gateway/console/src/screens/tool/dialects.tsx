// Dialects: the tool as the model of each interface sees it.

import { get, segment } from '../../api/rest';
import type { Tool } from '../../api/types';
import { useResource } from '../../live/resource';
import { useQueryParam } from '../../router';
import { CodeBlock } from '../../ui/copy';
import { pretty } from '../../ui/json';
import { Loaded } from '../../ui/states';

const DIALECTS = [
  { id: 'mcp', title: 'MCP clients', about: 'Claude, Cursor, VS Code and other clients of the Model Context Protocol.' },
  { id: 'openai', title: 'OpenAI, strict', about: 'Models that must keep to the schema: every member is required, and one that may be left out takes null.' },
  { id: 'openai_non_strict', title: 'OpenAI, not strict', about: 'Models that are told the schema without being held to it.' },
  { id: 'anthropic', title: 'Anthropic', about: 'The Messages API.' },
  { id: 'gemini', title: 'Gemini', about: 'Function declarations with the keywords that Gemini reads.' },
  { id: 'platform', title: 'As declared', about: 'The schema of the worker, in draft 2020-12. No model gets it in this form.' },
] as const;

export function Dialects({ tool }: { tool: Tool }) {
  const [id, choose] = useQueryParam('dialect', 'mcp');
  const dialect = DIALECTS.find((candidate) => candidate.id === id) ?? DIALECTS[0];
  const query = { dialect: dialect.id, entityId: tool.entityId, environmentId: tool.environmentId };
  const resource = useResource(`schema ${tool.fingerprint} ${dialect.id}`, (signal) => get<unknown>(`/v1/tools/${segment(tool.name)}/schema`, query, signal));
  return (
    <div class="stack">
      <div class="filters">
        <label class="row">
          Shown to
          <select class="input" value={dialect.id} onChange={(event) => choose(event.currentTarget.value)}>
            {DIALECTS.map((candidate) => (
              <option key={candidate.id} value={candidate.id}>
                {candidate.title}
              </option>
            ))}
          </select>
        </label>
        <span class="muted small">{dialect.about}</span>
      </div>
      <Loaded resource={resource}>{(shown) => <CodeBlock text={pretty(shown)} label={`The tool as ${dialect.title} sees it`} />}</Loaded>
    </div>
  );
}
