// Conversations: those of the project's agents, and a chat with one of them.

import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';

import { RpcClient } from '../api/rpc';
import type { Agent, Page } from '../api/types';
import { useResource, type Resource } from '../live/resource';
import { setQuery, usePlace } from '../router';
import type { ScreenProps } from '../routes';
import { useIs, useSession } from '../session';
import { Confirm } from '../ui/dialog';
import { Screen } from '../ui/screen';
import { Empty, Loaded } from '../ui/states';
import { Ago } from '../ui/time';
import { toast } from '../ui/toast';
import { Chat, type Conversation } from './conversations/chat';
import { ChatView } from './conversations/chat-view';
import './admin.css';

export function ConversationsScreen({ params }: ScreenProps) {
  const session = useSession();
  const rpc = useMemo(() => new RpcClient({ userId: session.userId ?? 'console' }), [session.userId]);
  useEffect(() => {
    rpc.start();
    return () => rpc.stop();
  }, [rpc]);
  const { query } = usePlace();
  const conversationId = query.get('conversation') ?? params['id'] ?? null;
  const agents = useResource('agents to talk to', async (signal) => (await rpc.request<Page<Agent>>('agents.list', { limit: 1000 }, signal)).items);
  const conversations = useResource('conversations', async (signal) => (await rpc.request<Page<Conversation>>('sessions.list', { limit: 200 }, signal)).items);
  const selected = conversations.data?.find(({ sessionId }) => sessionId === conversationId) ?? null;
  const agent = query.get('agent') ?? selected?.agent ?? (conversationId === null ? (agents.data?.[0]?.slug ?? null) : null);
  return (
    <Screen title="Conversations" lead="Talk to an agent, and see the tools that it calls on the way.">
      <div class="split">
        <List agents={agents} conversations={conversations} selected={conversationId} agent={agent} />
        <section class="split-main card" aria-label="Conversation">
          <Open rpc={rpc} agent={agent} agents={agents} selected={selected} conversationId={conversationId} reload={conversations.reload} />
        </section>
      </div>
    </Screen>
  );
}

const begin = (agent: string) => setQuery({ conversation: null, agent });
const open = ({ sessionId }: Conversation) => setQuery({ conversation: sessionId, agent: null });

function List({ agents, conversations, selected, agent }: { agents: Resource<Agent[]>; conversations: Resource<Conversation[]>; selected: string | null; agent: string | null }) {
  const mayTalk = useIs('operator');
  return (
    <nav class="split-side card" aria-label="Agents and conversations">
      {mayTalk && (
        <>
          <h2 class="split-title">New conversation with</h2>
          <Loaded resource={agents} lines={2}>
            {(items) =>
              items.length === 0 ? (
                <p class="split-note muted">There are no agents. An admin adds them under Access.</p>
              ) : (
                <ul class="split-list">
                  {items.map(({ id, slug, title }) => (
                    <li key={id}>
                      <button type="button" aria-current={selected === null && agent === slug ? 'true' : undefined} onClick={() => begin(slug)}>
                        <span class="truncate">{title ?? slug}</span>
                        {title && <span class="faint small truncate">{slug}</span>}
                      </button>
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </>
      )}
      <h2 class="split-title">Conversations</h2>
      <Loaded resource={conversations} lines={3}>
        {(items) =>
          items.length === 0 ? (
            <p class="split-note muted">None yet. They appear here once something was said.</p>
          ) : (
            <ul class="split-list">
              {items.map((item) => (
                <li key={item.sessionId}>
                  <button type="button" aria-current={selected === item.sessionId ? 'true' : undefined} onClick={() => open(item)}>
                    <span class="truncate">{item.agent}</span>
                    <span class="faint small truncate">
                      {originOf(item)}, <Ago at={item.updatedAt} />
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </nav>
  );
}

/** The user of a conversation, and where it was held unless that is the user's name. */
const originOf = ({ userId, channel }: Conversation): string => (userId === channel ? userId : `${userId} over ${channel}`);

interface OpenProps {
  rpc: RpcClient;
  agent: string | null;
  agents: Resource<Agent[]>;
  selected: Conversation | null;
  conversationId: string | null;
  reload: () => void;
}

function Open({ rpc, agent, agents, selected, conversationId, reload }: OpenProps) {
  const mayTalk = useIs('operator');
  const [chat, setChat] = useState<Chat | null>(null);
  const [isDeleting, setDeleting] = useState(false);
  useEffect(() => {
    if (agent === null || chat?.state.get().sessionId === conversationId && chat !== null && conversationId !== null) return;
    setChat(new Chat(rpc, agent, conversationId));
  }, [rpc, agent, conversationId]);
  const started = useCallback((sessionId: string) => setQuery({ conversation: sessionId, agent }), [agent]);
  if (agent === null || chat === null) {
    if (agents.data === undefined && agents.error === undefined) return null;
    return <Empty title={conversationId === null ? 'No agent to talk to' : 'This conversation does not exist'}>Choose another one on the left.</Empty>;
  }
  const title = agents.data?.find(({ slug }) => slug === agent)?.title ?? agent;
  const erase = async () => {
    await rpc.request('sessions.delete', { sessionId: conversationId });
    toast('The conversation was deleted.');
    setQuery({ conversation: null, agent });
    reload();
  };
  return (
    <>
      <header class="card-head">
        <h2 class="truncate">{title}</h2>
        {selected && <span class="muted small truncate">{originOf(selected)}</span>}
        {conversationId && mayTalk && (
          <button type="button" class="button button-plain button-small" onClick={() => setDeleting(true)}>
            Delete
          </button>
        )}
      </header>
      <ChatView key={keyOf(chat)} chat={chat} agent={title} mayTalk={mayTalk} onStarted={started} onEnded={reload} />
      {isDeleting && (
        <Confirm title="Delete the conversation?" action="Delete" run={erase} onClose={() => setDeleting(false)}>
          <p>All its messages are deleted for everybody. Calls of tools stay in the journal.</p>
        </Confirm>
      )}
    </>
  );
}

const keys = new WeakMap<Chat, string>();
let lastKey = 0;

function keyOf(chat: Chat): string {
  const key = keys.get(chat) ?? String((lastKey += 1));
  keys.set(chat, key);
  return key;
}
