// Form dialog: a form that makes or changes something, with the gateway's refusal above its buttons.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { messageOf } from '../../api/problem';
import { Dialog } from '../../ui/dialog';
import { Notice } from '../../ui/states';

interface FormDialogProps {
  title: string;
  action: string;
  children: ComponentChildren;
  /** Sends the form. The dialog stays open if it fails. */
  run: () => Promise<void>;
  onClose: () => void;
}

export function FormDialog({ title, action, children, run, onClose }: FormDialogProps) {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setRunning(true);
    setError(null);
    try {
      await run();
    } catch (failure) {
      setError(failure);
      setRunning(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        {children}
        {error !== null && <Notice tone="bad">{messageOf(error)}</Notice>}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-primary" disabled={isRunning}>
            {isRunning ? 'One moment…' : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
