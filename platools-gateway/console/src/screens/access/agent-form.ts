// Agent form: what the form of an agent has, from an agent and for a request.

import type { Agent } from '../../api/types';
import { wordsOf } from './credential';

export interface AgentForm {
  slug: string;
  title: string;
  address: string;
  owner: string;
  kind: 'command' | 'model';
  model: string;
  systemPrompt: string;
  tools: string;
  environment: string;
}

export const AGENT_DEFAULTS: AgentForm = { slug: '', title: '', address: '', owner: '', kind: 'command', model: '', systemPrompt: '', tools: '', environment: '' };

export function agentForm(agent: Agent): AgentForm {
  const profile = agent.profile ?? {};
  const text = (name: string) => (typeof profile[name] === 'string' ? profile[name] : '');
  const environment = text('environment');
  return {
    slug: agent.slug,
    title: agent.title ?? '',
    address: agent.address ?? '',
    owner: agent.owner ?? '',
    kind: text('kind') === 'model' ? 'model' : 'command',
    model: text('model'),
    systemPrompt: text('systemPrompt'),
    tools: Array.isArray(profile['tools']) ? profile['tools'].join(', ') : '',
    environment: environment === 'development' ? '' : environment,
  };
}

/** The members of a new agent, or a change of one. A new agent leaves out what is empty; a change takes it back. */
export function agentBody(form: AgentForm, use: 'new' | 'change'): Record<string, unknown> {
  const tools = wordsOf(form.tools);
  const profile = {
    kind: form.kind,
    model: form.model.trim() || null,
    systemPrompt: form.systemPrompt || null,
    tools: tools.length > 0 ? tools : null,
    environment: form.environment || null,
  };
  const names = { title: form.title.trim(), address: form.address.trim(), owner: form.owner.trim() };
  if (use === 'change') return { ...names, profile };
  const said = (members: object) => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== ''));
  return { ...said(names), profile: said(profile) };
}
