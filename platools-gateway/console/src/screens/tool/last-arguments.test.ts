import { beforeEach, describe, expect, it } from 'vitest';

import { argumentsKey, forget, forgetAll, recall, remember } from './last-arguments';

beforeEach(() => localStorage.clear());

describe('last arguments', () => {
  const key = argumentsKey('project', 'production', 'shop', 'a/b');

  it('are those of one tool in one environment', () => {
    remember(key, '{"id":12345678901234567890}');
    expect(recall(key)).toBe('{"id":12345678901234567890}');
    expect(recall(argumentsKey('project', 'development', 'shop', 'a/b'))).toBeNull();
    expect(recall(argumentsKey('project', 'production', 'shop/a', 'b'))).toBeNull();
    forget(key);
    expect(recall(key)).toBeNull();
  });

  it('are kept for a hundred tools, and not if they are long', () => {
    localStorage.setItem('other', 'stays');
    for (let tool = 0; tool < 105; tool += 1) remember(argumentsKey(String(tool)), '{}', localStorage, tool);
    expect(recall(argumentsKey('4'))).toBeNull();
    expect(recall(argumentsKey('5'))).toBe('{}');
    remember(argumentsKey('5'), `"${'x'.repeat(40_000)}"`);
    expect(recall(argumentsKey('5'))).toBeNull();
    forgetAll();
    expect(localStorage.length).toBe(1);
  });

  it('that are damaged are none', () => {
    localStorage.setItem(key, 'no JSON');
    expect(recall(key)).toBeNull();
    localStorage.setItem(key, '{"text":1}');
    expect(recall(key)).toBeNull();
  });
});
