// Dialogs: the browser's own modal element, which keeps the focus inside and gives it back.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { messageOf } from '../api/problem';
import { CloseIcon } from './icons';
import { Notice } from './states';

interface DialogProps {
  title: string;
  onClose: () => void;
  wide?: boolean;
  /** False for a dialog that only its own buttons close, such as one with a secret that is shown once. */
  dismissible?: boolean;
  children: ComponentChildren;
}

/** Shown as long as it is rendered. */
export function Dialog({ title, onClose, wide = false, dismissible = true, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // A field takes the focus, or else the title; the browser would take the button that closes.
    dialog?.querySelector<HTMLElement>('[autofocus], .dialog-body :is(input, select, textarea), h2')?.focus();
    return () => dialog?.close();
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    if (dismissible) onClose();
  };
  return (
    <dialog ref={element} class={wide ? 'dialog dialog-wide' : 'dialog'} aria-labelledby={id} onCancel={cancel}>
      <div class="dialog-head">
        <h2 id={id} tabIndex={-1}>
          {title}
        </h2>
        {dismissible && (
          <button type="button" class="button button-plain button-icon" aria-label="Close" onClick={onClose}>
            <CloseIcon />
          </button>
        )}
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What happens, and what breaks. */
  children: ComponentChildren;
  /** The verb of the button, such as "Revoke the key". */
  action: string;
  /** A name that has to be typed first, for what cannot be undone. */
  typed?: string | undefined;
  run: () => Promise<unknown>;
  onClose: () => void;
}

export function Confirm({ title, children, action, typed, run, onClose }: ConfirmProps) {
  const [text, setText] = useState('');
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const confirm = async (event: Event) => {
    event.preventDefault();
    setRunning(true);
    setError(null);
    try {
      await run();
      onClose();
    } catch (failure) {
      setError(failure);
      setRunning(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void confirm(event)}>
        <div class="stack">{children}</div>
        {typed !== undefined && (
          <div class="field">
            <label for={id}>
              Type <span class="mono">{typed}</span> to confirm
            </label>
            <input id={id} class="input" autocomplete="off" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </div>
        )}
        {error !== null && <Notice tone="bad">{messageOf(error)}</Notice>}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-danger" disabled={isRunning || (typed !== undefined && text !== typed)}>
            {isRunning ? 'One moment…' : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
