// The types of the hook: this file is checked and never runs. Each `@ts-expect-error` is a mistake that they find.

import { configure as configurePreact, useWebSocket as usePreact } from '../../page/feed/preact.js';
import { configure, useWebSocket, type LivePosition } from '../../page/feed/react.js';

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const agentId: string | null = null;
const { positions, isConnected, connect, disconnect, status, error } = useWebSocket(agentId);

const shown: readonly LivePosition[] = positions;
const flag: boolean = isConnected;
const buttons: (() => void)[] = [connect, disconnect];
const isRefused: boolean = status === 'stopped' && error?.code === 'unauthorized';
const price: number | undefined = positions[0]?.currentPrice;
export const both: Same<typeof useWebSocket, typeof usePreact> & Same<typeof configure, typeof configurePreact> = true;
export { buttons, flag, isRefused, price, shown };

configure({ session: async ({ agentId }) => ({ url: 'wss://gateway.example.com/ws', token: agentId }) });
configure({ session: () => null, schedule: (flush) => (queueMicrotask(flush), () => {}) });

// @ts-expect-error An agent is a text or null.
useWebSocket(7);
// @ts-expect-error `null` has to be said.
useWebSocket();
// @ts-expect-error No status of this name.
export const wrongStatus: boolean = status === 'online';
// @ts-expect-error Positions are not changed in place.
positions.push(positions[0]!);
// @ts-expect-error A position has no such member.
positions[0]?.price;
// @ts-expect-error A session needs a token.
configure({ session: async () => ({ url: 'wss://gateway.example.com/ws' }) });
// @ts-expect-error A session provider is needed.
configure({});
