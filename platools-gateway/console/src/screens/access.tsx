// Access: who may connect and call. Keys, tokens, entities, environments and agents of the project.

import type { JSX } from 'preact';

import { href, navigate } from '../router';
import type { ScreenProps } from '../routes';
import { useIs } from '../session';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';
import { Tabs } from '../ui/tabs';
import { Agents } from './access/agents';
import { Entities } from './access/entities';
import { Environments } from './access/environments';
import { Keys } from './access/keys';
import { Tokens } from './access/tokens';
import './admin.css';

const KINDS: { id: string; label: string; content: () => JSX.Element }[] = [
  { id: 'keys', label: 'Keys', content: () => <Keys /> },
  { id: 'tokens', label: 'Tokens', content: () => <Tokens /> },
  { id: 'entities', label: 'Entities', content: () => <Entities /> },
  { id: 'environments', label: 'Environments', content: () => <Environments /> },
  { id: 'agents', label: 'Agents', content: () => <Agents /> },
];

export function AccessScreen({ params }: ScreenProps) {
  const isAdmin = useIs('admin');
  if (!isAdmin) {
    return (
      <Screen title="Access">
        <Empty title="Only admins manage access">Ask an admin of the project, or sign in with an admin’s key.</Empty>
      </Screen>
    );
  }
  return (
    <Screen title="Access" lead="Who may connect workers, call tools and administer this project.">
      <Tabs label="Access" tabs={KINDS} selected={params['kind'] ?? 'keys'} onSelect={(id) => navigate(href(`/access/${id}`))} />
    </Screen>
  );
}
