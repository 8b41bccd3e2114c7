// Badge: a short word about the state of something. The word says it; the colour only repeats it.

import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'accent' | 'neutral';

export function Badge({ tone = 'neutral', title, children }: { tone?: Tone; title?: string | undefined; children: ComponentChildren }) {
  return (
    <span class="badge" data-tone={tone} title={title}>
      {children}
    </span>
  );
}

export function Dot({ tone }: { tone: Tone }) {
  return <span class="dot" data-tone={tone} aria-hidden="true" />;
}

/** The outcome of a call. */
export function Outcome({ outcome }: { outcome: string | null }) {
  if (outcome === null) return <Badge tone="info">running</Badge>;
  if (outcome === 'ok') return <Badge tone="good">ok</Badge>;
  return <Badge tone={outcome === 'abandoned' || outcome === 'cancelled' ? 'warn' : 'bad'}>{outcome.replaceAll('_', ' ')}</Badge>;
}
