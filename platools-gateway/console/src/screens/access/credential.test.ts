import { expect, test } from 'vitest';

import { EMPTY_FORM, bodyOf, environmentsText, speaksForText, wordsOf } from './credential';

test('a form that leaves everything open sends the role alone, so that the defaults of the gateway hold', () => {
  expect(bodyOf(EMPTY_FORM)).toEqual({ role: 'operator' });
});

test('every member of the form has its name in the request', () => {
  const form = { name: ' ci ', role: 'admin' as const, agentId: 'agent_1', userId: 'u', toolRoles: 'support, billing support', speaksFor: 'list' as const, users: 'a b,c', environments: ['staging'], ttl: '3600' };
  expect(bodyOf(form)).toEqual({
    name: 'ci', role: 'admin', agentId: 'agent_1', userId: 'u', toolRoles: ['support', 'billing'], speaksFor: ['a', 'b', 'c'], environments: ['staging'], ttlSeconds: 3600,
  });
  expect(bodyOf({ ...EMPTY_FORM, speaksFor: 'nobody' })).toMatchObject({ speaksFor: 'nobody' });
});

test('a list without users is sent as such, because the default would let it speak for more', () => {
  expect(bodyOf({ ...EMPTY_FORM, speaksFor: 'list', users: ' ' })).toMatchObject({ speaksFor: [] });
});

test('lists in words', () => {
  expect(wordsOf(' a,b ,\n b ')).toEqual(['a', 'b']);
  expect(speaksForText(['a', 'b'])).toBe('2 users');
  expect(speaksForText('anybody')).toBe('anybody');
  expect(environmentsText(null)).toBe('all');
});
