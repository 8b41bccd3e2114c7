import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { useResource, type Resource } from './resource';

let root: HTMLElement;
let seen: Resource<string>;

function Probe({ id, load, everyMs }: { id: string | null; load: (signal: AbortSignal) => Promise<string>; everyMs?: number }) {
  seen = useResource(id, load, { everyMs });
  return null;
}

/** Effects run at the end of an `act`, so that the answers of what they ask come in the next one. */
const draw = async (id: string | null, load: (signal: AbortSignal) => Promise<string>, everyMs?: number) => {
  await act(() => render(<Probe id={id} load={load} {...(everyMs === undefined ? {} : { everyMs })} />, root));
  await act(() => passed(0));
};

const passed = async (ms: number) => {
  await vi.advanceTimersByTimeAsync(ms);
};

beforeEach(() => {
  vi.useFakeTimers();
  root = document.createElement('div');
});

afterEach(() => {
  render(null, root);
  vi.useRealTimers();
});

describe('a resource', () => {
  it('has the data of its request', async () => {
    await draw('a', async () => 'data of a');
    expect(seen).toMatchObject({ data: 'data of a', isLoading: false, error: undefined });
  });

  it('shows no data of another key', async () => {
    await draw('a', async () => 'data of a');
    await draw('b', () => new Promise(() => undefined));
    expect(seen).toMatchObject({ data: undefined, isLoading: true });
  });

  it('gives up the request of a key that is no longer shown', async () => {
    let given: AbortSignal | undefined;
    await draw('a', (signal) => {
      given = signal;
      return new Promise(() => undefined);
    });
    await draw('b', async () => 'data of b');
    expect(given?.aborted).toBe(true);
    expect(seen.data).toBe('data of b');
  });

  it('keeps its data when a later request fails', async () => {
    const load = vi.fn<() => Promise<string>>().mockResolvedValueOnce('first').mockRejectedValueOnce(new Error('away')).mockResolvedValue('third');
    await draw('a', load, 1000);
    await act(() => passed(1000));
    expect(seen.data).toBe('first');
    expect(seen.error).toMatchObject({ message: 'away' });
    await act(() => passed(1000));
    expect(seen).toMatchObject({ data: 'third', error: undefined });
  });

  it('asks nothing in a hidden page, and at once when that is shown', async () => {
    const load = vi.fn(async () => 'data');
    await draw('a', load, 1000);
    const state = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    await act(() => passed(10_000));
    expect(load).toHaveBeenCalledTimes(1);
    state.mockReturnValue('visible');
    await act(async () => {
      document.dispatchEvent(new Event('visibilitychange'));
      await vi.advanceTimersByTimeAsync(0);
    });
    expect(load).toHaveBeenCalledTimes(2);
  });
});
