// Channels: the agents that are present, and what they say to each other.

import { get } from '../api/rest';
import { useResource, type Resource } from '../live/resource';
import { setQuery, usePlace } from '../router';
import { Dot } from '../ui/badge';
import { plural } from '../ui/format';
import { Screen } from '../ui/screen';
import { Empty, ErrorState, Loaded } from '../ui/states';
import { Ago } from '../ui/time';
import { ChannelView, type Channel } from './channels/channel-view';
import './admin.css';

interface Present {
  agentId: string;
  address: string;
  displayName: string | null;
  connectedAt: string;
  lastHeartbeat: string;
}

/** Pages of channels and of present agents have at most 100 items. */
const PAGE = 100;
const MOST = 2000;

async function allPages<T>(path: string, member: string, signal: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const page = await get<Record<string, unknown>>(path, { limit: PAGE, offset: items.length }, signal);
    const more = page[member] as T[];
    items.push(...more);
    if (more.length < PAGE || items.length >= MOST) return items;
  }
}

export function ChannelsScreen() {
  const { query } = usePlace();
  const wanted = query.get('channel');
  const channels = useResource('channels', (signal) => allPages<Channel>('/v1/channels', 'channels', signal), { everyMs: 5000 });
  const present = useResource('presence', (signal) => allPages<Present>('/v1/runtime/presence', 'agents', signal), { everyMs: 3000 });
  const selected = channels.data?.find(({ slug, id }) => slug === wanted || id === wanted) ?? (wanted === null ? channels.data?.[0] : undefined);
  if (channels.data === undefined && channels.error !== undefined && channels.error !== null) {
    return (
      <Screen title="Channels">
        <ErrorState error={channels.error} retry={channels.reload} />
      </Screen>
    );
  }
  return (
    <Screen title="Channels" lead="Agents with a session, and the channels in which they talk.">
      <div class="split">
        <aside class="split-side card" aria-label="Channels and present agents">
          <h2 class="split-title">Channels</h2>
          <ChannelList channels={channels} selected={selected} />
          <h2 class="split-title">Present agents</h2>
          <PresentList present={present} />
        </aside>
        <section class="split-main card" aria-label="Channel">
          {selected ? (
            <ChannelView key={selected.id} channel={selected} onDeleted={channels.reload} />
          ) : (
            channels.data && <Empty title={wanted === null ? 'No channels yet' : 'This channel does not exist'}>Agents with sessions make channels, and talk to each other in them.</Empty>
          )}
        </section>
      </div>
    </Screen>
  );
}

function ChannelList({ channels, selected }: { channels: Resource<Channel[]>; selected: Channel | undefined }) {
  return (
    <Loaded resource={channels} lines={3}>
      {(items) =>
        items.length === 0 ? (
          <p class="split-note muted">No channels yet.</p>
        ) : (
          <ul class="split-list">
            {items.map((channel) => (
              <li key={channel.id}>
                <button type="button" aria-current={channel === selected ? 'true' : undefined} onClick={() => setQuery({ channel: channel.slug })}>
                  <span class="truncate">{channel.name}</span>
                  <span class="faint small truncate">{plural(channel.memberCount, 'member')}</span>
                </button>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

function PresentList({ present }: { present: Resource<Present[]> }) {
  return (
    <Loaded resource={present} lines={2}>
      {(agents) =>
        agents.length === 0 ? (
          <p class="split-note muted">No agent has a session.</p>
        ) : (
          <ul class="split-list">
            {agents.map((agent) => (
              <li key={agent.agentId} class="split-row">
                <span class="truncate">
                  <Dot tone="good" /> {agent.displayName ?? agent.address}
                </span>
                <span class="faint small truncate">
                  since <Ago at={agent.connectedAt} />, heard from <Ago at={agent.lastHeartbeat} />
                </span>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
