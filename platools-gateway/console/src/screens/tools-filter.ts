// The search among tools. The texts are made ready once, so that 10,000 tools are searched within a frame.

import type { Tool } from '../api/types';

export type ToolState = 'online' | 'offline' | 'off' | 'unwell';

export const STATES: readonly { id: ToolState; label: string }[] = [
  { id: 'online', label: 'Online' },
  { id: 'offline', label: 'Offline' },
  { id: 'off', label: 'Switched off' },
  { id: 'unwell', label: 'Degraded or down' },
];

export interface SearchableTool {
  readonly tool: Tool;
  readonly name: string;
  readonly text: string;
}

export interface ToolQuery {
  /** Words that all have to occur, each in the name, the description or the entity. */
  readonly text: string;
  readonly state: ToolState | '';
  readonly entity: string;
}

/** The same for the tool of a list and its figures. */
export function identityOf({ name, entity, environment }: Pick<Tool, 'name' | 'entity' | 'environment'>): string {
  return `${environment}\n${entity}\n${name}`;
}

export function searchable(tools: readonly Tool[]): SearchableTool[] {
  const ready = tools.map((tool) => ({ tool, name: tool.name.toLowerCase(), text: `${tool.name}\n${tool.entity}\n${tool.description}`.toLowerCase() }));
  return ready.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}

/** The tools that match. Those whose names begin with the first word come first, then those whose names have it. */
export function matching(tools: readonly SearchableTool[], { text, state, entity }: ToolQuery): Tool[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const found = tools.filter(
    ({ tool, text: all }) => words.every((word) => all.includes(word)) && (entity === '' || tool.entity === entity) && (state === '' || isIn(tool, state)),
  );
  const first = words[0];
  if (first === undefined) return found.map(({ tool }) => tool);
  const groups: Tool[][] = [[], [], []];
  for (const { tool, name } of found) groups[name.startsWith(first) ? 0 : name.includes(first) ? 1 : 2]?.push(tool);
  return groups.flat();
}

function isIn(tool: Tool, state: ToolState): boolean {
  switch (state) {
    case 'online':
      return tool.online && tool.enabled;
    case 'offline':
      return !tool.online;
    case 'off':
      return !tool.enabled;
    case 'unwell':
      return tool.health !== null && tool.health.status !== 'healthy';
  }
}
