// Copy button: puts a text on the clipboard, and says so.

import { useEffect, useState } from 'preact/hooks';

import { CheckIcon, CopyIcon } from './icons';
import { toast } from './toast';

export function CopyButton({ text, label = 'Copy', plain = false }: { text: string | (() => string); label?: string; plain?: boolean }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    if (await toClipboard(typeof text === 'string' ? text : text())) setCopied(true);
    else toast('The browser did not allow copying. Select the text and copy it by hand.', 'bad');
  };
  return (
    <button type="button" class={`button button-small ${plain ? 'button-plain' : ''}`} onClick={() => void copy()}>
      {isCopied ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{isCopied ? 'Copied' : label}</span>
    </button>
  );
}

/** The clipboard of the browser exists only over TLS and on localhost, so that an old way remains for the others. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('aria-hidden', 'true');
    area.className = 'visually-hidden';
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    return isDone;
  }
}

/** A text to copy, such as a command. */
export function CodeBlock({ text, label }: { text: string; label: string }) {
  return (
    <div class="code-block">
      <CopyButton text={text} />
      <pre class="code" tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
    </div>
  );
}
