// The page's connection of Gateway RPC, which all screens share.

import { useEffect } from 'preact/hooks';

import { RpcClient } from '../api/rpc';
import { useSession } from '../session';

let shared: { client: RpcClient; userId: string; users: number; closing?: ReturnType<typeof setTimeout> } | undefined;

/** The shared connection. It is open while a component uses it, and for a moment longer, so that another screen can go on with it. */
export function useRpc(): RpcClient {
  const userId = useSession().userId ?? 'console';
  const { client } = forUser(userId);
  useEffect(() => {
    const used = forUser(userId);
    used.users += 1;
    clearTimeout(used.closing);
    used.client.start();
    return () => {
      used.users -= 1;
      if (used.users === 0) used.closing = setTimeout(() => used.client.stop(), 5000);
    };
  }, [userId]);
  return client;
}

function forUser(userId: string) {
  if (shared?.userId !== userId) {
    shared?.client.stop();
    shared = { client: new RpcClient({ userId }), userId, users: 0 };
  }
  return shared;
}
