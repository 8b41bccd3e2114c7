// Sign-in: takes a key or a token, and gives it to the gateway for a session. The page keeps neither.

import { useEffect, useId, useState } from 'preact/hooks';

import { RequestError, messageOf } from './api/problem';
import { BASE } from './router';
import { signIn } from './session';
import { Notice } from './ui/states';

export function SignIn({ reason }: { reason: string | null }) {
  const [credential, setCredential] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const [isRunning, setRunning] = useState(false);
  const id = useId();
  useEffect(() => {
    document.title = 'Sign in · platools';
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const given = credential.trim();
    if (given === '') return setFault('Enter a key or a token.');
    setRunning(true);
    setFault(null);
    try {
      await signIn(given);
    } catch (error) {
      setFault(faultOf(error));
      setRunning(false);
    }
  };
  return (
    <main class="sign-in">
      <form class="sign-in-card" onSubmit={(event) => void submit(event)}>
        <div class="row">
          <img src={`${BASE}/icon.svg`} alt="" width="28" height="28" />
          <h1>Sign in to platools</h1>
        </div>
        {reason !== null && <Notice tone="warn">{reason}</Notice>}
        <div class="field">
          <label for={id}>Key or token</label>
          <input
            id={id}
            class="input mono"
            type="password"
            name="credential"
            autocomplete="current-password"
            spellcheck={false}
            value={credential}
            aria-invalid={fault !== null}
            aria-describedby={`${id}-hint ${id}-fault`}
            onInput={(event) => setCredential(event.currentTarget.value)}
          />
          <span class="hint" id={`${id}-hint`}>
            A key begins with <span class="mono">plt_key_</span>. An admin makes one with <span class="mono">platools-gateway key add</span>.
          </span>
          <span class="fault" id={`${id}-fault`} role="alert">
            {fault}
          </span>
        </div>
        <button type="submit" class="button button-primary" disabled={isRunning}>
          {isRunning ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

function faultOf(error: unknown): string {
  if (error instanceof RequestError && error.status === 401) return 'The gateway does not know this key or token. It may be mistyped, revoked or expired.';
  if (error instanceof RequestError && error.status === 429) return 'There were too many wrong attempts from this address. Wait a minute and try again.';
  return messageOf(error);
}
