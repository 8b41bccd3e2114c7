import { afterEach, describe, expect, it, vi } from 'vitest';

import { RequestError, UnreachableError } from './problem';
import { all, get, onUnauthenticated, post, withQuery } from './rest';

function answers(...responses: (Response | Error)[]) {
  const fetched = vi.fn(async (_path: string, _init: RequestInit) => {
    const response = responses.shift();
    if (response instanceof Error) throw response;
    if (!response) throw new Error('one request too many');
    return response;
  });
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

afterEach(() => vi.unstubAllGlobals());

describe('a request', () => {
  it('leaves empty members out of the query', () => {
    expect(withQuery('/v1/calls', { tool: 'a b', outcome: '', userId: null, agentId: undefined, limit: 5 })).toBe('/v1/calls?tool=a+b&limit=5');
    expect(withQuery('/v1/calls')).toBe('/v1/calls');
  });

  it('sends JSON to its own gateway with the cookie only', async () => {
    const fetched = answers(json({ done: true }));
    await expect(post('/v1/keys', { role: 'viewer' })).resolves.toEqual({ done: true });
    const [path, init] = fetched.mock.calls[0] ?? [];
    expect(path).toBe('/v1/keys');
    expect(init).toMatchObject({ method: 'POST', body: '{"role":"viewer"}', credentials: 'same-origin', redirect: 'error' });
    expect(new Headers(init?.headers).has('authorization')).toBe(false);
  });

  it('fails with the problem of the gateway', async () => {
    answers(json({ status: 422, code: 'invalid_arguments', detail: '2 arguments are wrong', errors: [{ path: '/n', message: 'is too big' }] }, 422));
    const error = await get('/v1/tools').catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ status: 422, code: 'invalid_arguments', message: '2 arguments are wrong', errors: [{ path: '/n', message: 'is too big' }] });
  });

  it('fails with a sentence when a proxy answers with a page', async () => {
    answers(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(get('/v1/tools')).rejects.toMatchObject({ code: 'unexpected_answer', status: 502 });
  });

  it('tells that the gateway is away', async () => {
    answers(new TypeError('failed to fetch'));
    await expect(get('/v1/tools')).rejects.toBeInstanceOf(UnreachableError);
  });

  it('tells its listeners that the session has ended', async () => {
    answers(json({ code: 'unauthenticated', detail: 'sign in' }, 401));
    const ended = vi.fn();
    const leave = onUnauthenticated(ended);
    await expect(get('/v1/tools')).rejects.toMatchObject({ status: 401 });
    leave();
    expect(ended).toHaveBeenCalledExactlyOnceWith('/v1/tools');
  });

  it('reads all pages of a list', async () => {
    const fetched = answers(json({ items: [1, 2], nextCursor: 'c2' }), json({ items: [], nextCursor: 'c3' }), json({ items: [3], nextCursor: null }));
    await expect(all('/v1/workers', { entityId: 'e' })).resolves.toEqual([1, 2, 3]);
    expect(fetched.mock.calls.map(([path]) => path)).toEqual([
      '/v1/workers?limit=1000&entityId=e',
      '/v1/workers?limit=1000&entityId=e&cursor=c2',
      '/v1/workers?limit=1000&entityId=e&cursor=c3',
    ]);
  });
});
