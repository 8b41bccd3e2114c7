// A page with React that uses the hook as an application does.

import { StrictMode, useEffect, useLayoutEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { configure, useWebSocket } from '../../page/feed/react.js';
import { committed, firstAgentId, firstViews, options } from './harness.js';

configure(options);

function Dashboard({ agentId }: { agentId: string | null }) {
  const state = useWebSocket(agentId);
  const { positions, isConnected, connect, disconnect, status, error } = state;
  // In the same task as the change of the page, so that a test that sees one sees the other.
  useLayoutEffect(() => committed(agentId, state));
  return (
    <section>
      <p className="status" data-connected={String(isConnected)} data-status={status} data-error={error?.code ?? ''}>
        {error?.message ?? status}
      </p>
      <button className="connect" onClick={connect}>Connect</button>
      <button className="disconnect" onClick={disconnect}>Disconnect</button>
      <ul>
        {positions.map(({ id, tokenSymbol, currentPrice, stopLoss }) => (
          <li key={id} data-position={id} data-price={currentPrice} data-stop={stopLoss ?? ''}>{tokenSymbol}</li>
        ))}
      </ul>
    </section>
  );
}

function Page() {
  const [agentId, setAgentId] = useState(firstAgentId);
  const [views, setViews] = useState(firstViews);
  useEffect(() => void Object.assign(window, { setAgentId, setViews }), []);
  return <main>{Array.from({ length: views }, (_, view) => <Dashboard key={view} agentId={agentId} />)}</main>;
}

createRoot(document.getElementById('root')!).render(<StrictMode><Page /></StrictMode>);
