// Lines of the gateway's log: their levels, the text that a search looks at, and the ones that are kept.

export interface LogLine {
  /** A number that no other line of this page has. */
  id: number;
  at: string;
  level: Level;
  target: string;
  message: string;
  /** What else the line says, by name. */
  fields: [string, string][];
  /** The text that a search looks at, in lower case. */
  text: string;
}

export type Level = 'error' | 'warn' | 'info' | 'debug';

export const LEVELS: Level[] = ['error', 'warn', 'info', 'debug'];

/** Lines that the page keeps; the oldest go. */
export const KEPT_LINES = 5000;

const OWN = new Set(['timestamp', 'level', 'target', 'message']);

let lastId = 0;

export function lineOf(raw: unknown): LogLine | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const members = raw as Record<string, unknown>;
  const level = String(members['level'] ?? 'info').toLowerCase();
  const fields = Object.entries(members)
    .filter(([name]) => !OWN.has(name))
    .map(([name, value]): [string, string] => [name, shown(value)]);
  const target = shown(members['target'] ?? '');
  const message = shown(members['message'] ?? '');
  lastId += 1;
  return {
    id: lastId,
    at: shown(members['timestamp'] ?? ''),
    level: LEVELS.find((known) => known === level) ?? 'debug',
    target,
    message,
    fields,
    text: [target, message, ...fields.map(([name, value]) => `${name}=${value}`)].join(' ').toLowerCase(),
  };
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Adds lines, and forgets the oldest. */
export function append(lines: readonly LogLine[], news: readonly LogLine[], limit = KEPT_LINES): LogLine[] {
  const all = [...lines, ...news];
  return all.length > limit ? all.slice(-limit) : all;
}

/** The lines of a level or a more serious one that have all words of a search. */
export function filtered(lines: readonly LogLine[], level: Level, search: string): LogLine[] {
  const most = LEVELS.indexOf(level);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return lines.filter((line) => LEVELS.indexOf(line.level) <= most && words.every((word) => line.text.includes(word)));
}
