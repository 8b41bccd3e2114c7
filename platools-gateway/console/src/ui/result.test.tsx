import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parse } from '../json';
import { ResultView } from './result';
import { blocksOf, tableOf, truncatedOf } from './result-kinds';

let page: HTMLElement;

beforeEach(() => {
  page = document.createElement('div');
  document.body.append(page);
});

afterEach(() => {
  render(null, page);
  page.remove();
});

const show = (text: string): void => void act(() => render(<ResultView value={parse(text)} />, page));
const tabs = (): string[] => [...page.querySelectorAll('[role=tab]')].map((tab) => tab.textContent);

describe('tables', () => {
  it('are made of lists of objects, with all their names', () => {
    const table = tableOf(parse('[{"id":1,"name":"a"},{"id":2,"more":true}]'));
    expect(table).toMatchObject({ member: null, columns: ['id', 'name', 'more'] });
    expect(table?.rows.length).toBe(2);
  });

  it('are made of the only list of an object', () => {
    expect(tableOf(parse('{"items":[{"id":1}],"next":null}'))).toMatchObject({ member: 'items', columns: ['id'] });
    expect(tableOf(parse('{"items":[{"id":1}],"others":[{"id":1}]}'))).toBeNull();
  });

  it('come after the JSON where they are a part of something that says more', () => {
    show('{"order_id":"ord-1","status":"confirmed","total":3,"lines":[{"sku":"a"}]}');
    expect(tabs()).toEqual(['JSON', 'Table of lines']);
    show('{"items":[{"sku":"a"}],"next":null}');
    expect(tabs()).toEqual(['Table of items', 'JSON']);
  });

  it.each(['[]', '[1]', '[{"a":1},2]', '[{}]', '{"a":1}', '"x"', 'null'])('are not made of %s', (text) => {
    expect(tableOf(parse(text))).toBeNull();
  });
});

describe('content', () => {
  it('shows images, sounds and texts', () => {
    show('{"content":[{"type":"text","text":"Sales:"},{"type":"image","mimeType":"image/png","data":"iVBORw0KGgo="},{"type":"audio","mimeType":"audio/wav","data":"UklGRg=="}]}');
    expect(page.querySelector('pre')?.textContent).toBe('Sales:');
    expect(page.querySelector('img')?.getAttribute('src')).toBe('data:image/png;base64,iVBORw0KGgo=');
    expect(page.querySelector('audio')?.getAttribute('src')).toBe('data:audio/wav;base64,UklGRg==');
  });

  it.each([
    '{"type":"image","mimeType":"text/html","data":"PHNjcmlwdD4="}',
    '{"type":"image","mimeType":"image/png","data":"\\" onerror=\\"alert(1)"}',
    '{"type":"audio","mimeType":"audio/x;base64,AAAA,","data":"AA=="}',
  ])('shows as JSON a block whose type or data is not safe: %s', (block) => {
    expect(blocksOf(parse(`{"content":[${block}]}`))?.[0]?.kind).toBe('other');
  });

  it('is only what looks like it', () => {
    expect(blocksOf(parse('{"content":[{"title":"a page"}]}'))).toBeNull();
    expect(blocksOf(parse('{"content":[{"type":"text","text":""}],"author":"x"}'))).toBeNull();
  });

  it('has a table of its structured value', () => {
    show('{"content":[{"type":"text","text":"two"}],"structuredContent":{"rows":[{"a":1},{"a":2}]}}');
    expect(tabs()).toEqual(['Content', 'Table of rows', 'JSON']);
  });
});

describe('other results', () => {
  it('show large numbers to the last digit', () => {
    show('{"id":12345678901234567890}');
    expect(page.textContent).toContain('12345678901234567890');
  });

  it('show a text as text, markup included', () => {
    show('"<img src=x onerror=alert(1)>\\n<script>alert(1)</script>"');
    expect(tabs()).toEqual(['Text', 'JSON']);
    expect(page.querySelector('pre')?.textContent).toContain('<script>alert(1)</script>');
    expect(page.querySelector('img, script')).toBeNull();
  });

  it('say that a long one is cut', () => {
    const value = '{"truncated":true,"preview":"[1, 2","original_bytes":300000}';
    expect(truncatedOf(parse(value))).toEqual({ preview: '[1, 2', bytes: 300000 });
    show(value);
    expect(tabs()).toEqual(['Beginning', 'JSON']);
    expect(page.textContent).toContain('293 KiB');
  });
});
