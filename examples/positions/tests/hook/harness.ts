// What the pages for React and Preact have in common. The query of their URL says what a test wants.

import type { LiveOptions, WebSocketState } from '../../page/feed/react.js';

/** One commit of a component, as a test reads it. */
interface Commit {
  agentId: string | null;
  ids: string[];
  status: string;
}

declare global {
  interface Window {
    commits: Commit[];
    /** Applies queued prices, with `?schedule=manual`. */
    flush: () => void;
    setAgentId: (agentId: string | null) => void;
    /** Number of components that use the hook; 0 unmounts them. */
    setViews: (count: number) => void;
  }
}

const query = new URLSearchParams(location.search);

export const firstAgentId = query.get('agent');
export const firstViews = Number(query.get('views') ?? 1);

window.commits = [];
if (query.has('hidden')) {
  // A hidden tab draws no frames.
  window.requestAnimationFrame = () => 0;
}

export const options: LiveOptions = {
  session: async ({ isTokenRefused }) => {
    const answer = await fetch(`${query.get('session')}?refused=${isTokenRefused}`, { cache: 'no-store' });
    if (!answer.ok) throw new Error(`no session: ${answer.status}`);
    return answer.json();
  },
};
if (query.get('schedule') === 'manual') {
  options.schedule = (flush) => {
    window.flush = flush;
    return () => {};
  };
}

/** Notes a commit. */
export function committed(agentId: string | null, { positions, status }: WebSocketState) {
  window.commits.push({ agentId, ids: positions.map(({ id }) => id), status });
}
