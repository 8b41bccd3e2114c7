import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const admin = { role: 'admin', organization: 'default', project: 'default', environments: null };
let requests: { method: string | undefined; path: string; body: unknown }[];
let answer: (method: string | undefined, path: string) => Response;

beforeEach(() => {
  vi.resetModules();
  requests = [];
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    requests.push({ method: init.method, path, body: init.body });
    return answer(init.method, path);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  history.replaceState(null, '', '/console/');
});

const signedOut = () => new Response(JSON.stringify({ code: 'unauthenticated', detail: 'the code was used' }), { status: 401 });
const signedIn = () => new Response(JSON.stringify(admin));

/** The state after the module has begun, through its own hook's store. */
async function begun() {
  const session = await import('./session');
  await session.begin();
  return session;
}

describe('the session', () => {
  it('begins with the code of the link, which leaves the address', async () => {
    history.replaceState(null, '', '/console/tools?search=a#sign-in=abc');
    answer = signedIn;
    await begun();
    expect(requests).toEqual([{ method: 'POST', path: '/console/session', body: '{"code":"abc"}' }]);
    expect(location.pathname + location.search + location.hash).toBe('/console/tools?search=a');
  });

  it('goes on with the cookie when the code was used before', async () => {
    history.replaceState(null, '', '/console/#sign-in=abc');
    answer = (method) => (method === 'POST' ? signedOut() : signedIn());
    await begun();
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });

  it('sends the key once, and keeps nothing of it', async () => {
    answer = (method) => (method === 'POST' ? signedIn() : signedOut());
    const { signIn } = await begun();
    await signIn('plt_key_secret');
    expect(requests.at(-1)).toEqual({ method: 'POST', path: '/console/session', body: '{"credential":"plt_key_secret"}' });
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('secret');
  });

  it('ends when the gateway says so, and not because one route refuses it', async () => {
    answer = signedIn;
    await begun();
    const { get } = await import('./api/rest');
    const { useSessionState } = await import('./session');
    const { h, render } = await import('preact');
    const root = document.createElement('div');
    const shown = async () => {
      await vi.waitFor(() => expect(requests.at(-1)?.path).toBe('/console/session'));
      await new Promise((resolve) => setTimeout(resolve));
      render(h(() => h('p', null, useSessionState().status), null), root);
      return root.textContent;
    };
    answer = (_, path) => (path === '/console/session' ? signedIn() : signedOut());
    await expect(get('/v1/channels')).rejects.toMatchObject({ status: 401 });
    expect(await shown()).toBe('signed_in');
    answer = signedOut;
    await expect(get('/v1/tools')).rejects.toMatchObject({ status: 401 });
    expect(await shown()).toBe('signed_out');
  });

  it('ranks the roles', async () => {
    const { has } = await import('./session');
    const of = (role: 'viewer' | 'operator' | 'admin') => ({ ...admin, role }) as Parameters<typeof has>[0];
    expect([has(of('viewer'), 'operator'), has(of('operator'), 'operator'), has(of('admin'), 'operator')]).toEqual([false, true, true]);
  });
});
