// The last arguments of each tool, in the browser's storage. Values of secret fields are never among them.

const PREFIX = 'platools.arguments.';
// The browser gives a page some 5 MB. Longer arguments are not kept, and the oldest go first.
const MAX_LENGTH = 32 * 1024;
const MAX_TOOLS = 100;

interface Kept {
  readonly at: number;
  readonly text: string;
}

/** The tool whose arguments are kept, by the ids of its project, environment and entity. */
export function argumentsKey(...parts: string[]): string {
  return PREFIX + parts.map(encodeURIComponent).join('/');
}

export function recall(key: string, storage: Storage = localStorage): string | null {
  return read(storage, key)?.text ?? null;
}

export function remember(key: string, text: string, storage: Storage = localStorage, at: number = Date.now()): void {
  if (text.length > MAX_LENGTH) return storage.removeItem(key);
  try {
    storage.setItem(key, JSON.stringify({ at, text } satisfies Kept));
    forgetOldest(storage);
  } catch {
    // The storage is full or not allowed. Arguments are a convenience, so that nothing depends on it.
  }
}

export function forget(key: string, storage: Storage = localStorage): void {
  storage.removeItem(key);
}

/** Forgets the arguments of all tools. */
export function forgetAll(storage: Storage = localStorage): void {
  for (const key of keys(storage)) storage.removeItem(key);
}

function forgetOldest(storage: Storage): void {
  const kept = keys(storage).map((key) => ({ key, at: read(storage, key)?.at ?? 0 }));
  kept.sort((one, other) => other.at - one.at);
  for (const { key } of kept.slice(MAX_TOOLS)) storage.removeItem(key);
}

function keys(storage: Storage): string[] {
  const names = Array.from({ length: storage.length }, (_, index) => storage.key(index));
  return names.filter((name) => name?.startsWith(PREFIX) === true) as string[];
}

function read(storage: Storage, key: string): Kept | null {
  try {
    const kept = JSON.parse(storage.getItem(key) ?? 'null') as Kept | null;
    return typeof kept?.text === 'string' && typeof kept.at === 'number' ? kept : null;
  } catch {
    return null;
  }
}
