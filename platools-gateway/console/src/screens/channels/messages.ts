// Messages of a channel: pages and polls as one list, the oldest first.

export interface ChannelMessage {
  id: string;
  agentId: string;
  from: string;
  fromName: string | null;
  messageType: string;
  content: string;
  metadata: unknown;
  createdAt: string;
}

/** Adds messages to a list. Both are in the order of the channel, and may overlap. */
export function together(older: readonly ChannelMessage[], newer: readonly ChannelMessage[]): ChannelMessage[] {
  const known = new Set(older.map(({ id }) => id));
  const added = newer.filter(({ id }) => !known.has(id));
  return added.length === 0 ? (older as ChannelMessage[]) : [...older, ...added];
}

/** True if a message has another author than the one before it, or came more than five minutes later. */
export function beginsBlock(message: ChannelMessage, before: ChannelMessage | undefined): boolean {
  return before === undefined || before.agentId !== message.agentId || Date.parse(message.createdAt) - Date.parse(before.createdAt) > 300_000;
}
