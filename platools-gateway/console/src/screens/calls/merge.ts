// Merging of calls: pages of the journal and live calls as one list, the newest first.

import type { Call } from '../../api/types';

/** The order of the journal: by the begin of the call, then by its id. */
export function isBefore(a: Call, b: Call): boolean {
  return a.startedAt === b.startedAt ? a.callId > b.callId : a.startedAt > b.startedAt;
}

/**
 * Adds calls to a list in the order of the journal. A call that is there is replaced, but an ended one never by a running one, because events
 * and pages may overtake each other. The oldest beyond `limit` go.
 */
export function merge(rows: readonly Call[], news: readonly Call[], limit = Infinity): Call[] {
  if (news.length === 0) return rows as Call[];
  const added = new Map<string, Call>();
  for (const call of news) if (!(added.get(call.callId)?.status === 'ended' && call.status === 'running')) added.set(call.callId, call);
  const merged: Call[] = [];
  const known = new Set<string>();
  for (const row of rows) {
    const replacement = added.get(row.callId);
    if (!replacement) continue;
    known.add(row.callId);
    if (row.status === 'ended' && replacement.status === 'running') added.set(row.callId, row);
  }
  const fresh = [...added.values()].filter((call) => !known.has(call.callId)).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  let next = 0;
  for (const row of rows) {
    for (let call = fresh[next]; call && isBefore(call, row); call = fresh[next]) {
      merged.push(call);
      next += 1;
    }
    merged.push(known.has(row.callId) ? (added.get(row.callId) ?? row) : row);
  }
  merged.push(...fresh.slice(next));
  return merged.length > limit ? merged.slice(0, limit) : merged;
}
