import { expect, test } from 'vitest';

import type { Agent } from '../../api/types';
import { AGENT_DEFAULTS, agentBody, agentForm } from './agent-form';

const agent: Agent = {
  id: 'agent_1', slug: 'support', title: 'Support', address: null, owner: 'u-1', createdAt: '',
  profile: { kind: 'model', model: 'm', systemPrompt: 'Be brief.', tools: ['a', 'b'], environment: 'staging' },
};

test('a form that is not touched changes nothing', () => {
  expect(agentBody(agentForm(agent), 'change')).toEqual({
    title: 'Support', address: '', owner: 'u-1', profile: { kind: 'model', model: 'm', systemPrompt: 'Be brief.', tools: ['a', 'b'], environment: 'staging' },
  });
});

test('what a change empties goes back to its default', () => {
  const form = { ...agentForm(agent), model: '', systemPrompt: '', tools: ' ', environment: '', title: '' };
  expect(agentBody(form, 'change')).toEqual({ title: '', address: '', owner: 'u-1', profile: { kind: 'model', model: null, systemPrompt: null, tools: null, environment: null } });
});

test('a new agent leaves out what is empty', () => {
  expect(agentBody({ ...AGENT_DEFAULTS, slug: 'x', tools: 'a b' }, 'new')).toEqual({ profile: { kind: 'command', tools: ['a', 'b'] } });
});
