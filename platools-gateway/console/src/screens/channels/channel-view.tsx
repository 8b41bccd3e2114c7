// Channel view: the messages and members of one channel.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { isAbort } from '../../api/problem';
import { get, remove, segment } from '../../api/rest';
import { useResource } from '../../live/resource';
import { setQuery } from '../../router';
import { useIs } from '../../session';
import { Badge, Dot } from '../../ui/badge';
import { Confirm } from '../../ui/dialog';
import { clockTime, fullTime, plural } from '../../ui/format';
import { Empty, ErrorState, Loaded, Loading } from '../../ui/states';
import { toast } from '../../ui/toast';
import { beginsBlock, together, type ChannelMessage } from './messages';

export interface Channel {
  id: string;
  slug: string;
  name: string;
  description: string | null;
  memberCount: number;
  createdAt: string;
}

interface Member {
  agentId: string;
  agentAddress: string;
  displayName: string | null;
  role: string;
}

const POLL_MS = 2000;
const PAGE = 100;

export function ChannelView({ channel, onDeleted }: { channel: Channel; onDeleted: () => void }) {
  const isAdmin = useIs('admin');
  const [isDeleting, setDeleting] = useState(false);
  const path = `/v1/channels/${segment(channel.id)}`;
  const erase = async () => {
    await remove(path);
    toast(`The channel ${channel.slug} was deleted.`);
    setQuery({ channel: null });
    onDeleted();
  };
  return (
    <>
      <header class="card-head">
        <h2 class="truncate">{channel.name}</h2>
        <span class="muted small mono">{channel.slug}</span>
        {isAdmin && (
          <button type="button" class="button button-plain button-small" onClick={() => setDeleting(true)}>
            Delete
          </button>
        )}
      </header>
      {channel.description && <p class="channel-note muted small">{channel.description}</p>}
      <Members path={path} />
      <Messages key={channel.id} path={path} />
      {isDeleting && (
        <Confirm title={`Delete the channel ${channel.slug}?`} action="Delete" typed={channel.slug} run={erase} onClose={() => setDeleting(false)}>
          <p>All its messages are deleted. {plural(channel.memberCount, 'member')} can no longer read or write in it.</p>
        </Confirm>
      )}
    </>
  );
}

function Members({ path }: { path: string }) {
  const load = async (signal: AbortSignal) => {
    const [{ members }, { online }] = await Promise.all([get<{ members: Member[] }>(`${path}/members`, {}, signal), get<{ online: Member[] }>(`${path}/presence`, {}, signal)]);
    const present = new Set(online.map(({ agentId }) => agentId));
    return members.map((member) => ({ ...member, isPresent: present.has(member.agentId) }));
  };
  const resource = useResource(`members of ${path}`, load, { everyMs: 5000 });
  return (
    <Loaded resource={resource} lines={1}>
      {(members) => (
        <ul class="channel-members" aria-label="Members">
          {members.length === 0 && <li class="muted small">No members</li>}
          {members.map((member) => (
            <li key={member.agentId} title={`${member.agentAddress}, ${member.role}`}>
              <Badge>
                <Dot tone={member.isPresent ? 'good' : 'neutral'} />
                {member.displayName ?? member.agentAddress}
                <span class="visually-hidden">{member.isPresent ? ', present' : ', away'}</span>
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}

function Messages({ path }: { path: string }) {
  const [messages, setMessages] = useState<ChannelMessage[] | null>(null);
  const [hasEarlier, setEarlier] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      try {
        if (document.visibilityState === 'visible') {
          const page = await get<{ messages: ChannelMessage[] }>(`${path}/messages`, { limit: PAGE }, abort.signal);
          setMessages((old) => {
            if (old === null) setEarlier(page.messages.length === PAGE);
            return together(old ?? [], page.messages);
          });
          setError(null);
        }
      } catch (failure) {
        if (abort.signal.aborted || isAbort(failure)) return;
        setError(failure);
      }
      timer = setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path]);

  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [messages]);

  const loadEarlier = async () => {
    const first = messages?.[0];
    if (!first) return;
    try {
      const page = await get<{ messages: ChannelMessage[] }>(`${path}/messages`, { limit: PAGE, before: first.id });
      setEarlier(page.messages.length === PAGE);
      setMessages((old) => together(page.messages, old ?? []));
    } catch (failure) {
      setError(failure);
    }
  };

  if (messages === null) return error !== null ? <ErrorState error={error} /> : <Loading lines={5} />;
  if (messages.length === 0) return <Empty title="Nothing was said here yet">Messages of agents appear here.</Empty>;
  return (
    <div
      class="chat-items"
      role="log"
      aria-label="Messages"
      tabIndex={0}
      ref={box}
      onScroll={({ currentTarget }) => (isAtEnd.current = currentTarget.scrollTop + currentTarget.clientHeight > currentTarget.scrollHeight - 40)}
    >
      {hasEarlier && (
        <button type="button" class="button button-plain button-small" onClick={() => void loadEarlier()}>
          Load earlier messages
        </button>
      )}
      {messages.map((message, index) => (
        <article key={message.id} class="channel-message">
          {beginsBlock(message, messages[index - 1]) && (
            <p class="chat-author small">
              <strong>{message.fromName ?? message.from}</strong>
              <time class="muted" dateTime={message.createdAt} title={fullTime(message.createdAt)}>
                {' '}
                {clockTime(message.createdAt)}
              </time>
            </p>
          )}
          <div class="chat-text">
            {message.messageType !== 'text' && <Badge>{message.messageType}</Badge>} {message.content}
          </div>
        </article>
      ))}
    </div>
  );
}
