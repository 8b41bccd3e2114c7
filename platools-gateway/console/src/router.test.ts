import { beforeEach, describe, expect, it } from 'vitest';

import { followLink, href, match, navigate, setQuery } from './router';

beforeEach(() => navigate('/console/', { replace: true }));

describe('the router', () => {
  it('matches paths with parameters', () => {
    expect(match('/tools/:entity/:name', '/tools/shop/look%2Fup')).toEqual({ entity: 'shop', name: 'look/up' });
    expect(match('/tools/:entity/:name', '/tools/shop')).toBeUndefined();
    expect(match('/', '/')).toEqual({});
    expect(match('/calls/:id', '/calls/')).toBeUndefined();
    expect(match('/calls/:id', '/calls/%E0%A4%A')).toBeUndefined();
  });

  it('makes addresses without empty filters', () => {
    expect(href('/')).toBe('/console/');
    expect(href('/calls', { tool: 'a&b', outcome: '', agentId: null })).toBe('/console/calls?tool=a%26b');
  });

  it('changes one filter and keeps the others', () => {
    navigate(href('/calls', { tool: 'a', outcome: 'ok' }));
    setQuery({ outcome: 'timeout', agentId: 'x' });
    expect(location.search).toBe('?tool=a&outcome=timeout&agentId=x');
    setQuery({ tool: '' });
    expect(location.search).toBe('?outcome=timeout&agentId=x');
  });

  it('follows links of the console only', () => {
    const click = (address: string, init: MouseEventInit = {}) => {
      const link = document.createElement('a');
      link.href = address;
      document.body.append(link);
      const event = new MouseEvent('click', { bubbles: true, cancelable: true, ...init });
      link.addEventListener('click', (clicked) => {
        followLink(clicked);
        expect(clicked.target).toBe(link);
      });
      link.dispatchEvent(event);
      link.remove();
      return event.defaultPrevented;
    };
    expect(click('/console/calls?tool=x')).toBe(true);
    expect(location.pathname + location.search).toBe('/console/calls?tool=x');
    expect(click('/console/calls', { ctrlKey: true })).toBe(false);
    expect(click('/openapi.json')).toBe(false);
    expect(click('/consoles')).toBe(false);
    expect(click('https://example.com/console/calls')).toBe(false);
  });
});
