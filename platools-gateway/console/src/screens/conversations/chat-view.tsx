// Chat view: the transcript of a conversation with its tools, and the box to say something.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { messageOf } from '../../api/problem';
import { useStore } from '../../live/store';
import { href } from '../../router';
import { Badge } from '../../ui/badge';
import { clockTime } from '../../ui/format';
import { Json } from '../../ui/json';
import { Empty, ErrorState, Loading } from '../../ui/states';
import { toast } from '../../ui/toast';
import type { Chat } from './chat';
import type { Item } from './transcript';

interface ChatViewProps {
  chat: Chat;
  agent: string;
  /** False for a viewer, who only reads. */
  mayTalk: boolean;
  onStarted: (sessionId: string) => void;
  onEnded: () => void;
}

export function ChatView({ chat, agent, mayTalk, onStarted, onEnded }: ChatViewProps) {
  const state = useStore(chat.state);
  useEffect(() => {
    const leave = chat.listen(onStarted);
    void chat.load();
    return leave;
  }, [chat]);
  const say = (text: string) => void chat.say(text).finally(onEnded);
  if (state.error !== null && state.items.length === 0) return <ErrorState error={state.error} retry={() => void chat.load()} />;
  return (
    <div class="chat">
      <Transcript chat={chat} items={state.items} isLoading={state.isLoading} hasEarlier={state.before !== null} agent={agent} isRunning={state.isRunning} />
      {mayTalk ? (
        <Composer agent={agent} isRunning={state.isRunning} onSay={say} onStop={() => void chat.stop().catch((error: unknown) => toast(messageOf(error), 'bad'))} />
      ) : (
        <p class="chat-note muted small">A viewer reads conversations. Talking to agents takes a key of an operator.</p>
      )}
    </div>
  );
}

function Transcript({ chat, items, isLoading, hasEarlier, agent, isRunning }: { chat: Chat; items: Item[]; isLoading: boolean; hasEarlier: boolean; agent: string; isRunning: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [items]);
  const onScroll = () => {
    if (box.current) isAtEnd.current = box.current.scrollTop + box.current.clientHeight > box.current.scrollHeight - 40;
  };
  return (
    <div class="chat-items" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label={`Conversation with ${agent}`} aria-busy={isRunning}>
      {hasEarlier && (
        <button type="button" class="button button-plain button-small" disabled={isLoading} onClick={() => void chat.loadEarlier()}>
          Load earlier messages
        </button>
      )}
      {isLoading && items.length === 0 && <Loading lines={4} />}
      {!isLoading && items.length === 0 && <Empty title={`Talk to ${agent}`}>It calls the connected tools with your rights. An agent that answers commands shows them with /help.</Empty>}
      {items.map((item) => (
        <ItemView key={item.id} item={item} agent={agent} />
      ))}
      {isRunning && items.at(-1)?.kind === 'user' && <p class="chat-wait muted">{agent} is working…</p>}
    </div>
  );
}

function ItemView({ item, agent }: { item: Item; agent: string }) {
  if (item.kind === 'tool') return <ToolCall item={item} />;
  if (item.kind === 'failure') {
    return (
      <p class="chat-failure" role="alert">
        {item.text}
      </p>
    );
  }
  return (
    <div class="chat-item" data-kind={item.kind}>
      <p class="chat-author small muted">
        {item.kind === 'user' ? 'You' : agent}
        {item.at && <time dateTime={item.at}> {clockTime(item.at)}</time>}
      </p>
      <div class="chat-text">{item.text}</div>
    </div>
  );
}

const STATES = { running: { tone: 'info', text: 'running' }, ok: { tone: 'good', text: 'ok' }, failed: { tone: 'bad', text: 'failed' } } as const;

function ToolCall({ item }: { item: Extract<Item, { kind: 'tool' }> }) {
  const state = STATES[item.state];
  return (
    <details class="chat-tool">
      <summary>
        <span class="mono">{item.name}</span>
        <Badge tone={state.tone}>{state.text}</Badge>
      </summary>
      <div class="stack">
        <p class="small muted">Arguments</p>
        <Json value={item.input} label={`Arguments of ${item.name}`} />
        {item.output !== undefined && (
          <>
            <p class="small muted">Result</p>
            <Json value={item.output} label={`Result of ${item.name}`} />
          </>
        )}
        {item.callId && <a href={href(`/calls/${encodeURIComponent(item.callId)}`)}>Open the call</a>}
      </div>
    </details>
  );
}

function Composer({ agent, isRunning, onSay, onStop }: { agent: string; isRunning: boolean; onSay: (text: string) => void; onStop: () => void }) {
  const [text, setText] = useState('');
  const send = () => {
    const message = text.trim();
    if (message === '' || isRunning) return;
    setText('');
    onSay(message);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // An Enter that ends the input of a character, as in Japanese, is no wish to send.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      class="chat-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        class="input"
        rows={2}
        aria-label={`Message to ${agent}`}
        placeholder={`Message to ${agent}. Enter sends, Shift+Enter begins a line.`}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isRunning ? (
        <button type="button" class="button" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button type="submit" class="button button-primary" disabled={text.trim() === ''}>
          Send
        </button>
      )}
    </form>
  );
}
