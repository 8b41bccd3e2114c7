// Routes: each path of the console with its screen, and the navigation that leads there.

import type { ComponentType } from 'preact';

import type { Session } from './api/types';
import { match, type Params } from './router';
import { AccessScreen } from './screens/access';
import { AuditScreen } from './screens/audit';
import { CallScreen } from './screens/call';
import { CallsScreen } from './screens/calls';
import { ChannelsScreen } from './screens/channels';
import { ConnectScreen } from './screens/connect';
import { ConversationsScreen } from './screens/conversations';
import { GatewaysScreen } from './screens/gateways';
import { LogScreen } from './screens/log';
import { NotFoundScreen } from './screens/not-found';
import { OverviewScreen } from './screens/overview';
import { SettingsScreen } from './screens/settings';
import { ToolScreen } from './screens/tool';
import { ToolsScreen } from './screens/tools';
import { WorkersScreen } from './screens/workers';
import { has } from './session';
import {
  AccessIcon,
  AuditIcon,
  CallsIcon,
  ChannelsIcon,
  ConnectIcon,
  ConversationsIcon,
  GatewaysIcon,
  LogIcon,
  OverviewIcon,
  SettingsIcon,
  ToolsIcon,
  WorkersIcon,
} from './ui/icons';

export interface ScreenProps {
  params: Params;
}

export interface Route {
  pattern: string;
  screen: ComponentType<ScreenProps>;
}

export const routes: Route[] = [
  { pattern: '/', screen: OverviewScreen },
  { pattern: '/tools', screen: ToolsScreen },
  { pattern: '/tools/:entity/:name', screen: ToolScreen },
  { pattern: '/workers', screen: WorkersScreen },
  { pattern: '/calls', screen: CallsScreen },
  { pattern: '/calls/:id', screen: CallScreen },
  { pattern: '/conversations', screen: ConversationsScreen },
  { pattern: '/conversations/:id', screen: ConversationsScreen },
  { pattern: '/channels', screen: ChannelsScreen },
  { pattern: '/access', screen: AccessScreen },
  { pattern: '/access/:kind', screen: AccessScreen },
  { pattern: '/audit', screen: AuditScreen },
  { pattern: '/log', screen: LogScreen },
  { pattern: '/connect', screen: ConnectScreen },
  { pattern: '/settings', screen: SettingsScreen },
  { pattern: '/gateways', screen: GatewaysScreen },
];

const missing: Route = { pattern: '', screen: NotFoundScreen };

export function screenAt(path: string): { route: Route; params: Params } {
  for (const route of routes) {
    const params = match(route.pattern, path);
    if (params) return { route, params };
  }
  return { route: missing, params: {} };
}

export interface NavItem {
  path: string;
  title: string;
  icon: ComponentType;
  isOffered?: (session: Session) => boolean;
}

const forAdmins = (session: Session): boolean => has(session, 'admin');

export const navigation: { title: string | null; items: NavItem[] }[] = [
  { title: null, items: [{ path: '/', title: 'Overview', icon: OverviewIcon }] },
  {
    title: 'Run',
    items: [
      { path: '/tools', title: 'Tools', icon: ToolsIcon },
      { path: '/workers', title: 'Workers', icon: WorkersIcon },
      { path: '/calls', title: 'Calls', icon: CallsIcon },
      { path: '/conversations', title: 'Conversations', icon: ConversationsIcon },
      { path: '/channels', title: 'Channels', icon: ChannelsIcon, isOffered: (session) => session.agentId !== null || has(session, 'admin') },
    ],
  },
  {
    title: 'Manage',
    items: [
      { path: '/connect', title: 'Connect', icon: ConnectIcon },
      { path: '/access', title: 'Access', icon: AccessIcon, isOffered: forAdmins },
      { path: '/audit', title: 'Audit', icon: AuditIcon, isOffered: forAdmins },
      { path: '/log', title: 'Log', icon: LogIcon, isOffered: (session) => session.canReadLog },
      { path: '/settings', title: 'Settings', icon: SettingsIcon, isOffered: (session) => session.canReadCluster },
      { path: '/gateways', title: 'Gateways', icon: GatewaysIcon, isOffered: (session) => session.canReadCluster && session.isClustered },
    ],
  },
];
