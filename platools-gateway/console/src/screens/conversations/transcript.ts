// Transcript of a conversation: what was said and which tools were called, from the stored messages and from the events of a run.

export type Item =
  | { kind: 'user'; id: string; text: string; at: string | null }
  | { kind: 'agent'; id: string; text: string; at: string | null }
  | { kind: 'tool'; id: string; name: string; input: unknown; output: unknown; state: 'running' | 'ok' | 'failed'; callId: string | null }
  | { kind: 'failure'; id: string; text: string };

/** A message of `chat.history`. */
export interface StoredMessage {
  role: 'user' | 'assistant' | 'tool';
  content: string;
  createdAt: string;
  toolCalls?: { id: string; name: string; arguments: unknown }[];
  toolCallId?: string;
}

/** The items of stored messages, the oldest first. A result stands with the call that it belongs to. */
export function itemsOf(messages: readonly StoredMessage[]): Item[] {
  const items: Item[] = [];
  const calls = new Map<string, Extract<Item, { kind: 'tool' }>>();
  for (const [index, message] of messages.entries()) {
    const id = `${message.createdAt}-${index}`;
    if (message.role === 'user') items.push({ kind: 'user', id, text: message.content, at: message.createdAt });
    else if (message.role === 'tool') finish(calls.get(message.toolCallId ?? ''), parsed(message.content));
    else {
      if (message.content) items.push({ kind: 'agent', id, text: message.content, at: message.createdAt });
      for (const call of message.toolCalls ?? []) {
        const item: Item = { kind: 'tool', id: `${id}-${call.id}`, name: call.name, input: parsed(call.arguments), output: undefined, state: 'running', callId: null };
        calls.set(call.id, item);
        items.push(item);
      }
    }
  }
  return items;
}

function finish(call: Extract<Item, { kind: 'tool' }> | undefined, output: unknown): void {
  if (!call) return;
  call.output = output;
  call.state = isFailure(output) ? 'failed' : 'ok';
}

/** An error of a tool, as a model is told it. */
function isFailure(output: unknown): boolean {
  return typeof output === 'object' && output !== null && typeof (output as { error?: unknown }).error === 'string';
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** An event of a run, by its name. */
export type RunEvent =
  | { event: 'chat'; payload: { delta: string; run_id: string } }
  | { event: 'tool.call'; payload: { tool: string; input: unknown; run_id: string; call_id: string } }
  | { event: 'tool.result'; payload: { tool: string; output: unknown; run_id: string; call_id: string } }
  | { event: 'agent'; payload: { status: 'started' | 'completed' | 'failed'; run_id: string; session_id: string } };

/** Adds an event of a run: text goes on where it was, unless a tool was called in between. */
export function withEvent(items: readonly Item[], { event, payload }: RunEvent): Item[] {
  if (event === 'tool.call') {
    return [...items, { kind: 'tool', id: payload.call_id, name: payload.tool, input: payload.input, output: undefined, state: 'running', callId: payload.call_id }];
  }
  if (event === 'tool.result') {
    return items.map((item) =>
      item.kind === 'tool' && item.callId === payload.call_id ? { ...item, output: payload.output, state: isFailure(payload.output) ? 'failed' : 'ok' } : item,
    );
  }
  if (event === 'chat' && payload.delta !== '') {
    const last = items.at(-1);
    if (last?.kind === 'agent' && last.at === null) return [...items.slice(0, -1), { ...last, text: last.text + payload.delta }];
    return [...items, { kind: 'agent', id: `${payload.run_id}-${items.length}`, text: payload.delta, at: null }];
  }
  return items as Item[];
}

/** The transcript after a run: what it said stays, the rest of the answer is added, and calls without a result have ended with it. */
export function withAnswer(items: readonly Item[], runId: string, content: string): Item[] {
  const said = items.filter((item) => item.kind === 'agent' && item.at === null).map((item) => (item as { text: string }).text).join('');
  const at = new Date().toISOString();
  const settled = items.map((item): Item => {
    if (item.kind === 'agent' && item.at === null) return { ...item, at };
    return item.kind === 'tool' && item.state === 'running' ? { ...item, state: 'failed' } : item;
  });
  // Events may have been dropped for a slow reader; the answer is complete in any case.
  if (said === '' && content !== '') return [...settled, { kind: 'agent', id: `${runId}-answer`, text: content, at }];
  return settled;
}
