import { describe, expect, it } from 'vitest';

import type { Tool } from '../api/types';
import { matching, searchable, type ToolQuery } from './tools-filter';

function tool(name: string, more: Partial<Tool> = {}): Tool {
  const basics = { name, description: '', entity: 'shop', entityId: 'e', environment: 'development', environmentId: 'v', online: true, enabled: true };
  return { ...basics, fingerprint: '', changedAt: '', inputSchema: {}, outputSchema: null, auth: 'none', roles: [], annotations: {}, health: null, ...more };
}

const tools = [
  tool('send_order', { description: 'Ship what was ordered' }),
  tool('order_cancel', { online: false }),
  tool('lookup', { description: 'Find an ORDER', entity: 'crm', enabled: false }),
  tool('ping', { health: { status: 'down', since: '' } }),
];
const found = (query: Partial<ToolQuery>): string[] => matching(searchable(tools), { text: '', state: '', entity: '', ...query }).map(({ name }) => name);

describe('the search', () => {
  it('finds all words anywhere, names first', () => {
    expect(found({ text: 'order' })).toEqual(['order_cancel', 'send_order', 'lookup']);
    expect(found({ text: 'ship ORDER' })).toEqual(['send_order']);
    expect(found({ text: ' crm ' })).toEqual(['lookup']);
    expect(found({ text: 'nothing' })).toEqual([]);
  });

  it('has all tools by name without a text', () => {
    expect(found({})).toEqual(['lookup', 'order_cancel', 'ping', 'send_order']);
  });

  it('keeps to a state and an entity', () => {
    expect(found({ state: 'online' })).toEqual(['ping', 'send_order']);
    expect(found({ state: 'offline' })).toEqual(['order_cancel']);
    expect(found({ state: 'off' })).toEqual(['lookup']);
    expect(found({ state: 'unwell' })).toEqual(['ping']);
    expect(found({ entity: 'crm', text: 'order' })).toEqual(['lookup']);
  });
});
