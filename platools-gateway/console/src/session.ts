// Session: who is signed in. The browser keeps the cookie; the page never sees the key again after it was sent.

import { RequestError, messageOf } from './api/problem';
import { get, onUnauthenticated, post, remove } from './api/rest';
import type { Role, Session } from './api/types';
import { Store, useStore } from './live/store';

export type SessionState =
  | { status: 'checking' }
  | { status: 'signed_out'; reason: string | null }
  | { status: 'unreachable'; reason: string }
  | { status: 'signed_in'; session: Session };

const state = new Store<SessionState>({ status: 'checking' });
const RANKS: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

export const useSessionState = (): SessionState => useStore(state);

/** The session of a signed-in page. Screens are shown only then. */
export function useSession(): Session {
  const current = useStore(state);
  if (current.status !== 'signed_in') throw new Error('a screen was shown without a session');
  return current.session;
}

/** True if the session has the role, or a higher one. */
export function useIs(role: Role): boolean {
  return has(useSession(), role);
}

export const has = (session: Session, role: Role): boolean => RANKS[session.role] >= RANKS[role];

/** Finds out who is signed in. A sign-in code in the fragment is used up first, and leaves the address. */
export async function begin(): Promise<void> {
  const code = takeCode();
  try {
    const session = code ? await post<Session>('/console/session', { code }) : await get<Session>('/console/session');
    state.set({ status: 'signed_in', session });
  } catch (error) {
    if (error instanceof RequestError && error.status === 401) {
      if (code) return beginWithout(error);
      return state.set({ status: 'signed_out', reason: null });
    }
    state.set({ status: 'unreachable', reason: messageOf(error) });
  }
}

/** A code that was used before: the browser may have a session all the same. */
async function beginWithout(refusal: RequestError): Promise<void> {
  try {
    state.set({ status: 'signed_in', session: await get<Session>('/console/session') });
  } catch {
    state.set({ status: 'signed_out', reason: refusal.message });
  }
}

function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('sign-in');
  if (code) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

export async function signIn(credential: string): Promise<void> {
  const session = await post<Session>('/console/session', { credential });
  state.set({ status: 'signed_in', session });
}

export async function signOut(): Promise<void> {
  await remove('/console/session');
  state.set({ status: 'signed_out', reason: null });
}

/** Asks whether the session has ended, since a refusal of one route need not mean that. Many refusals at once are one question. */
let question: Promise<void> | undefined;

onUnauthenticated((path) => {
  if (state.get().status !== 'signed_in') return;
  const end = () => state.set({ status: 'signed_out', reason: 'Your session has ended. Sign in again to go on.' });
  if (path === '/console/session') return end();
  question ??= get('/console/session')
    .then(() => undefined, () => undefined)
    .finally(() => (question = undefined));
});
