// Layout: the bar with the environment, the navigation, and the room for a screen.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { messageOf } from './api/problem';
import { chooseEnvironment, kindOf, useEnvironment, useEnvironments } from './environment';
import { projectEvents } from './live/events';
import { useStore } from './live/store';
import { BASE, href } from './router';
import { navigation } from './routes';
import { useScheme } from './scheme';
import { signOut, useSession } from './session';
import { Badge } from './ui/badge';
import { MenuIcon, MoonIcon, SunIcon } from './ui/icons';
import { toast } from './ui/toast';

export function Layout({ path, children }: { path: string; children: ComponentChildren }) {
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const slugs = useEnvironments(useSession());
  useEffect(() => {
    setMenuOpen(false);
    // A new screen takes the focus, as a new page would. The first one leaves it where the browser put it.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  useEffect(() => {
    if (!isMenuOpen) return undefined;
    document.querySelector<HTMLElement>('#menu a')?.focus();
    const close = (event: KeyboardEvent) => event.key === 'Escape' && setMenuOpen(false);
    addEventListener('keydown', close);
    return () => removeEventListener('keydown', close);
  }, [isMenuOpen]);
  return (
    <div class="app" data-is-menu-open={isMenuOpen}>
      <a class="skip-link" href="#screen">
        Skip to the content
      </a>
      <StageBar slugs={slugs} />
      <Sidebar path={path} />
      {isMenuOpen && <button type="button" class="menu-scrim" aria-label="Close the menu" onClick={() => setMenuOpen(false)} />}
      <div class="main">
        <Topbar slugs={slugs} isMenuOpen={isMenuOpen} onMenu={() => setMenuOpen(!isMenuOpen)} />
        <main class="screen" id="screen" tabIndex={-1} ref={main}>
          {children}
        </main>
      </div>
    </div>
  );
}

/** The bar whose colour tells production from development. A gateway for development has no production, whatever its environments are called. */
function StageBar({ slugs }: { slugs: string[] }) {
  const session = useSession();
  const environment = useEnvironment();
  const kinds = (environment === null ? slugs : [environment]).map((slug) => kindOf(slug, session));
  const kind = session.isDevelopment ? 'development' : kinds.includes('production') ? 'production' : kindOf(environment, session);
  return (
    <div class="stage" data-kind={kind} role="region" aria-label="Environment in view">
      {environment ?? 'All environments'}
      {session.isDevelopment && <span>· development gateway</span>}
    </div>
  );
}

function Sidebar({ path }: { path: string }) {
  const session = useSession();
  const groups = navigation.map((group) => ({ ...group, items: group.items.filter((item) => item.isOffered?.(session) ?? true) }));
  return (
    <nav class="sidebar" aria-label="Console" id="menu">
      <a class="brand" href={href('/')}>
        <img src={`${BASE}/icon.svg`} alt="" />
        platools
      </a>
      {groups.map((group) => (
        <div key={group.title}>
          {group.title && <p class="nav-title">{group.title}</p>}
          <ul class="nav-group">
            {group.items.map(({ path: to, title, icon: Icon }) => (
              <li key={to}>
                <a class="nav-link" href={href(to)} aria-current={isWithin(path, to) ? 'page' : undefined}>
                  <Icon />
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <div class="sidebar-foot">
        <p class="truncate" title={`${session.organization}/${session.project}`}>
          {session.organization}/{session.project}
        </p>
        <p>platools {session.version}</p>
      </div>
    </nav>
  );
}

const isWithin = (path: string, to: string): boolean => (to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`));

function Topbar({ slugs, isMenuOpen, onMenu }: { slugs: string[]; isMenuOpen: boolean; onMenu: () => void }) {
  return (
    <header class="topbar">
      <button type="button" class="button button-plain button-icon menu-button" aria-label="Menu" aria-expanded={isMenuOpen} aria-controls="menu" onClick={onMenu}>
        <MenuIcon />
      </button>
      <EnvironmentChoice known={slugs} />
      <div class="topbar-end">
        <LiveState />
        <SchemeSwitch />
        <Account />
      </div>
    </header>
  );
}

function EnvironmentChoice({ known }: { known: string[] }) {
  const environment = useEnvironment();
  const slugs = environment === null || known.includes(environment) ? known : [environment, ...known];
  return (
    <select
      class="input"
      aria-label="Environment"
      value={environment ?? ''}
      onChange={(event) => chooseEnvironment(event.currentTarget.value || null)}
    >
      <option value="">All environments</option>
      {slugs.map((slug) => (
        <option key={slug} value={slug}>
          {slug}
        </option>
      ))}
    </select>
  );
}

/** Said only while the events do not flow; a page that works needs no light for it. */
function LiveState() {
  const status = useStore(projectEvents.status);
  return (
    <span role="status">
      {status === 'waiting' && (
        <Badge tone="warn" title="The page connects again by itself.">
          connecting again
        </Badge>
      )}
    </span>
  );
}

function SchemeSwitch() {
  const [scheme, setScheme] = useScheme();
  const isDark = scheme === 'dark' || (scheme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <button type="button" class="button button-plain button-icon" aria-label={isDark ? 'Use light colours' : 'Use dark colours'} onClick={() => setScheme(isDark ? 'light' : 'dark')}>
      {isDark ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function Account() {
  const session = useSession();
  const leave = () => signOut().catch((error: unknown) => toast(messageOf(error), 'bad'));
  return (
    <>
      <span class="wide-only small muted">
        {session.credential.name ?? session.credential.id} <Badge>{session.role}</Badge>
      </span>
      <button type="button" class="button button-small" onClick={() => void leave()}>
        Sign out
      </button>
    </>
  );
}
