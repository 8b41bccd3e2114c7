// Screen: the frame of a page of the console, with its heading and its actions.

import { Fragment, type ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

export function Screen({ title, lead, actions, children }: { title: string; lead?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · platools`;
  }, [title]);
  return (
    <>
      <header class="screen-head">
        <div>
          <h1>{title}</h1>
          {lead !== undefined && <p class="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Card({ title, actions, children, flush = false }: { title: string; actions?: ComponentChildren; children: ComponentChildren; flush?: boolean }) {
  return (
    <section class="card">
      <header class="card-head">
        <h2>{title}</h2>
        {actions}
      </header>
      {flush ? children : <div class="card-body">{children}</div>}
    </section>
  );
}

/** Names with their values. */
export function Facts({ items }: { items: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {items.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
