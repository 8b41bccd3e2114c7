// Secret dialog: a new secret, shown once. It closes only by its button, so that a stray key does not lose the secret.

import { CodeBlock } from '../../ui/copy';
import { Dialog } from '../../ui/dialog';
import { Notice } from '../../ui/states';

export interface NewSecret {
  title: string;
  secret: string;
  /** What to do with it. */
  text: string;
}

export function SecretDialog({ title, secret, text, onClose }: NewSecret & { onClose: () => void }) {
  return (
    <Dialog title={title} onClose={onClose} dismissible={false}>
      <Notice tone="warn">This is shown only now. The gateway keeps a hash, and nobody can read it again.</Notice>
      <CodeBlock text={secret} label="The secret" />
      <p class="muted">{text}</p>
      <div class="dialog-foot">
        <button type="button" class="button button-primary" onClick={onClose}>
          I have stored it
        </button>
      </div>
    </Dialog>
  );
}
