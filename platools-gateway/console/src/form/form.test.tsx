import { render } from 'preact';
import { useState } from 'preact/hooks';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parse, write } from '../json';
import { argumentsOf, draftOf, newDraft, storable, withText, type Draft } from './draft';
import { DraftEditor } from './editor';
import { focusFirstProblem } from './form';
import type { Schema } from './merge';
import { placeProblems } from './problems';
import type { Problem } from './assemble';
import { readSchema } from './read';

let page: HTMLElement;
let draft: Draft;

beforeEach(() => {
  page = document.createElement('div');
  document.body.append(page);
});

afterEach(() => {
  render(null, page);
  page.remove();
});

function show(schema: Schema, { value, problems = [], tab = 'form' }: { value?: string; problems?: Problem[]; tab?: string } = {}): void {
  const shape = readSchema(schema);
  const first = value === undefined ? newDraft(shape) : draftOf(shape, parse(value));
  function Editor() {
    const [shown, setShown] = useState(first);
    const [selected, select] = useState(tab);
    draft = shown;
    return <DraftEditor draft={shown} onChange={setShown} problems={placeProblems(shown.node, problems)} label="Arguments" tab={selected} onTab={select} />;
  }
  act(() => render(<Editor />, page));
}

const object = (properties: object, required: string[] = []): Schema => ({ type: 'object', properties, required });

/** The control with a label, as a screen reader finds it. */
function control<E extends HTMLElement = HTMLInputElement>(label: string): E {
  const text = [...page.querySelectorAll('label[for]')].find((element) => element.textContent === label);
  const found = text === undefined ? page.querySelector(`[aria-label="${label}"]`) : document.getElementById(text.getAttribute('for') ?? '');
  if (found === null) throw new Error(`there is no control “${label}” in ${page.innerHTML}`);
  return found as E;
}

function button(label: string): HTMLButtonElement {
  const found = [...page.querySelectorAll('button')].find((element) => (element.getAttribute('aria-label') ?? element.textContent) === label);
  if (found === undefined) throw new Error(`there is no button “${label}” in ${page.innerHTML}`);
  return found;
}

const click = (element: HTMLElement): void => void act(() => element.click());

function type(element: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  act(() => {
    element.value = text;
    element.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

function choose(element: HTMLSelectElement, label: string): void {
  act(() => {
    element.value = [...element.options].find((option) => option.textContent === label)?.value ?? 'missing';
    element.dispatchEvent(new Event('change', { bubbles: true }));
  });
}

const sent = (): string | null => argumentsOf(draft).text;
const faults = (): string[] => (argumentsOf(draft).problems ?? []).map(({ pointer, message }) => `${pointer}: ${message}`);

describe('texts', () => {
  it('tell an empty text from one that is left out', () => {
    show(object({ name: { type: 'string' } }));
    expect(sent()).toBe('{}');
    click(button('Empty text for name'));
    expect(sent()).toBe('{"name":""}');
    type(control('name'), 'x');
    expect(sent()).toBe('{"name":"x"}');
    click(button('Leave out name'));
    expect(sent()).toBe('{}');
  });

  it('are asked for where they are required', () => {
    show(object({ name: { type: 'string' } }, ['name']));
    expect(faults()).toEqual(['/name: Required. Type a text, or send an empty one.']);
    click(button('Empty text for name'));
    expect(sent()).toBe('{"name":""}');
  });

  it('are covered and not stored where they are secret, at any depth', () => {
    show(object({ apiKey: { type: 'string' }, code: { type: 'string', format: 'password' }, any: true, name: { type: 'string' } }), {
      value: '{"apiKey":"k","code":"c","any":{"headers":[{"X-Api-Key":"v","a":1}]},"name":"n"}',
    });
    expect(control('apiKey').type).toBe('password');
    expect(control('code').type).toBe('password');
    expect(control<HTMLElement>('name').tagName).toBe('TEXTAREA');
    expect(storable(draft)).toBe('{"any":{"headers":[{"a":1}]},"name":"n"}');
  });
});

describe('numbers', () => {
  it('keep their digits', () => {
    show(object({ id: { type: 'integer', format: 'int64' } }, ['id']));
    type(control('id'), '9223372036854775807');
    expect(sent()).toBe('{"id":9223372036854775807}');
  });

  it('are refused where they are none, and stay as they were typed', () => {
    show(object({ id: { type: 'integer' } }, ['id']));
    type(control('id'), '12 apples');
    expect(faults()).toEqual(['/id: “12 apples” is not a number. Write digits, such as 12 or -3.']);
    expect(control('id').value).toBe('12 apples');
  });
});

describe('booleans and options', () => {
  it('are chosen, not assumed', () => {
    show(object({ force: { type: 'boolean' }, color: { enum: ['red', 'blue'] } }, ['force']));
    expect(faults()).toEqual(['/force: Required. Choose one.']);
    click(control('false'));
    click(control('blue'));
    expect(sent()).toBe('{"force":false,"color":"blue"}');
    click(button('Leave out color'));
    expect(sent()).toBe('{"force":false}');
  });

  it('describe the option that is chosen', () => {
    const options = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ const: name, description: `This is ${name}.` }));
    show(object({ pick: { oneOf: options } }, ['pick']));
    choose(control<HTMLSelectElement>('pick'), 'd');
    expect(page.textContent).toContain('This is d.');
    expect(sent()).toBe('{"pick":"d"}');
  });
});

describe('null', () => {
  it('is a value of its own, beside a text and leaving out', () => {
    show(object({ note: { type: ['string', 'null'] } }));
    expect(sent()).toBe('{}');
    click(button('null for note'));
    expect(sent()).toBe('{"note":null}');
    click(button('Set a value for note'));
    type(control('note'), 'x');
    expect(sent()).toBe('{"note":"x"}');
  });
});

describe('lists', () => {
  const schema = object({ tags: { type: 'array', items: { type: 'string' } } });

  it('are added, filled, moved and removed', () => {
    show(schema);
    click(button('Add tags'));
    type(control('Item 1'), 'a');
    click(button('Add an item to tags'));
    type(control('Item 2'), 'b');
    click(button('Move item 2 up'));
    expect(sent()).toBe('{"tags":["b","a"]}');
    click(button('Remove item 1'));
    expect(sent()).toBe('{"tags":["a"]}');
    click(button('Leave out tags'));
    expect(sent()).toBe('{}');
  });

  it('say aloud what moved', () => {
    show(schema, { value: '{"tags":["a","b"]}' });
    click(button('Move item 1 down'));
    expect(page.querySelector('[aria-live]')?.textContent).toBe('Item 1 of tags is now item 2.');
  });

  it('keep to the length of a tuple', () => {
    show(object({ pair: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 } }, ['pair']));
    type(control('Item 1'), '1');
    expect(faults()).toEqual(['/pair/1: Fill in a value, or remove the item.']);
    type(control('Item 2'), 'a');
    expect(sent()).toBe('{"pair":[1,"a"]}');
    expect(() => button('Add an item to pair')).toThrow('there is no button');
  });
});

describe('maps', () => {
  it('take names and values, and no name twice', () => {
    show(object({ counts: { type: 'object', additionalProperties: { type: 'integer' } } }));
    click(button('Add counts'));
    for (const [name, count] of [['a', '1'], ['b', '2']] as const) {
      click(button('Add an entry'));
      const names = [...page.querySelectorAll<HTMLInputElement>('.form-entry-name input')];
      type(names.at(-1) as HTMLInputElement, name);
      type([...page.querySelectorAll<HTMLInputElement>('.form-number')].at(-1) as HTMLInputElement, count);
    }
    expect(sent()).toBe('{"counts":{"a":1,"b":2}}');
    type(page.querySelectorAll<HTMLInputElement>('.form-entry-name input')[1] as HTMLInputElement, 'a');
    expect(faults()[0]).toContain('there twice');
    click(button('Remove the entry a'));
    expect(sent()).toBe('{"counts":{"a":2}}');
  });
});

describe('choices', () => {
  const payment: Schema = object(
    {
      payment: {
        oneOf: [
          { type: 'object', properties: { type: { const: 'card' }, cents: { type: 'integer' }, number: { type: 'string' } }, required: ['type', 'cents', 'number'] },
          { type: 'object', properties: { type: { const: 'transfer' }, cents: { type: 'integer' }, iban: { type: 'string' } }, required: ['type', 'cents', 'iban'] },
          { type: 'object', properties: { type: { const: 'cash' } }, required: ['type'] },
        ],
      },
    },
    ['payment'],
  );

  it('are made by the tag, which has no field', () => {
    show(payment);
    expect(faults()).toEqual(['/payment: Required. Choose one.']);
    click(control('card'));
    type(control('cents'), '5');
    type(control('number'), '42');
    expect(sent()).toBe('{"payment":{"type":"card","cents":5,"number":"42"}}');
    expect(() => control('type')).toThrow('there is no control');
  });

  it('keep what the next variant has, too', () => {
    show(payment, { value: '{"payment":{"type":"card","cents":5,"number":"42"}}' });
    click(control('transfer'));
    expect(control('cents').value).toBe('5');
    type(control('iban'), 'DE');
    expect(sent()).toBe('{"payment":{"type":"transfer","cents":5,"iban":"DE"}}');
    click(control('cash'));
    expect(sent()).toBe('{"payment":{"type":"cash"}}');
  });

  it('show problems of the tag at the choice', () => {
    show(payment, { value: '{"payment":{"type":"cash"}}', problems: [{ pointer: '/payment/type', message: 'not taken here' }] });
    const fault = page.querySelector('[data-fault]');
    expect(fault?.textContent).toContain('Type: not taken here.');
    expect(fault?.querySelector('[role=radiogroup]')?.getAttribute('aria-invalid')).toBe('true');
  });
});

describe('recursion', () => {
  const tree: Schema = {
    $ref: '#/$defs/Tree',
    $defs: { Tree: { type: 'object', properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' } } }, required: ['name'] } },
  };

  it('goes as deep as it is filled in', () => {
    show(tree);
    type(control('name'), 'a');
    click(button('Add children'));
    type(page.querySelectorAll('textarea')[1] as HTMLTextAreaElement, 'b');
    click(button('Add children'));
    type(page.querySelectorAll('textarea')[2] as HTMLTextAreaElement, 'c');
    expect(sent()).toBe('{"name":"a","children":[{"name":"b","children":[{"name":"c"}]}]}');
  });

  it('ends where a level requires the next one', () => {
    const endless: Schema = { $ref: '#/$defs/E', $defs: { E: { type: 'object', properties: { next: { $ref: '#/$defs/E' } }, required: ['next'] } } };
    show(endless);
    expect(faults().length).toBe(1);
  });

  it('reads a schema that is nothing but itself as any JSON', () => {
    show({ $ref: '#/$defs/A', $defs: { A: { $ref: '#/$defs/B' }, B: { anyOf: [{ $ref: '#/$defs/A' }] } } });
    expect(sent()).toBe('{}');
  });
});

describe('problems', () => {
  const schema = object({ place: { type: 'object', properties: { 'a/b': { type: 'number' } } }, list: { type: 'array', items: { type: 'string' } }, free: true, gone: { type: 'object', properties: {} } });
  const value = '{"place":{"a/b":1},"list":["x","y"],"free":{"deep":[1]}}';

  it('stand at their fields, and tell screen readers so', () => {
    show(schema, { value, problems: [{ pointer: '/place/a~1b', message: 'must be less than 1' }] });
    const field = control('a/b');
    expect(field.getAttribute('aria-invalid')).toBe('true');
    const described = (field.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent);
    expect(described).toContain('Must be less than 1.');
  });

  it('stand at the nearest field with their path, where they have none', () => {
    show(schema, { value, problems: [{ pointer: '/free/deep/0', message: 'is wrong' }, { pointer: '/unknown', message: 'there is no such argument' }, { pointer: '/gone/x', message: 'is required' }] });
    expect(page.textContent).toContain('Deep.0: is wrong.');
    expect(page.textContent).toContain('unknown: there is no such argument');
    expect(page.textContent).toContain('x: is required');
  });

  it('get the focus, the first of them', () => {
    show(schema, { value, problems: [{ pointer: '/list/1', message: 'is wrong' }] });
    focusFirstProblem(page);
    expect(document.activeElement).toBe(control('Item 2'));
  });
});

describe('the JSON tab', () => {
  const schema = object({ name: { type: 'string' }, id: { type: 'integer' } });

  it('follows the form', () => {
    show(schema, { value: '{"name":"a"}' });
    type(control('name'), 'b');
    click(page.querySelectorAll<HTMLElement>('[role=tab]')[1] as HTMLElement);
    expect(control<HTMLTextAreaElement>('Arguments as JSON').value).toBe('{\n  "name": "b"\n}');
  });

  it('is followed by the form, and sent as it was typed', () => {
    show(schema, { tab: 'json' });
    type(control('Arguments as JSON'), '{ "id": 12345678901234567890, "name": "x" }');
    expect(sent()).toBe('{ "id": 12345678901234567890, "name": "x" }');
    click(page.querySelectorAll<HTMLElement>('[role=tab]')[0] as HTMLElement);
    expect(control('id').value).toBe('12345678901234567890');
    type(control('name'), 'y');
    expect(sent()).toBe('{"name":"y","id":12345678901234567890}');
  });

  it('keeps the form as it was while it has a mistake, and is not sent', () => {
    show(schema, { value: '{"name":"a"}', tab: 'json' });
    type(control('Arguments as JSON'), '{"name": "b",');
    expect(faults()).toEqual([': Line 1, column 14: expected a name in double quotes']);
    click(page.querySelectorAll<HTMLElement>('[role=tab]')[0] as HTMLElement);
    expect(control<HTMLTextAreaElement>('name').value).toBe('a');
    click(button('Discard the JSON'));
    expect(sent()).toBe('{"name":"a"}');
  });

  it('takes values that the form has no control for', () => {
    draft = withText(newDraft(readSchema(schema)), '{"name": {"not": "text"}, "more": [1]}');
    expect(write(parse(argumentsOf({ ...draft, text: null }).text ?? ''))).toBe('{"name":{"not":"text"},"more":[1]}');
  });
});

describe('schemas', () => {
  it('of draft 7 are read', () => {
    show({ type: 'object', definitions: { N: { type: 'integer' } }, properties: { pair: { type: 'array', items: [{ $ref: '#/definitions/N' }, { type: 'string' }], additionalItems: false } } }, { value: '{"pair":[1,"a"]}' });
    expect(control('Item 1').inputMode).toBe('numeric');
    expect(() => button('Add an item to pair')).toThrow('there is no button');
  });

  it('with allOf and members beside a union are merged', () => {
    show({ allOf: [{ type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }], oneOf: [{ properties: { kind: { const: 'a' }, x: { type: 'string' } }, required: ['kind', 'x'] }, { properties: { kind: { const: 'b' } }, required: ['kind'] }] }, { value: '{"id":1,"kind":"a","x":"y"}' });
    expect(control('id').value).toBe('1');
    expect(control('a').checked).toBe(true);
    expect(control<HTMLTextAreaElement>('x').value).toBe('y');
  });

  it('show texts from outside as text', () => {
    const evil = '<img src=x onerror=alert(1)>';
    show(object({ [evil]: { type: 'string', description: evil, examples: [evil], title: evil, default: evil } }), { problems: [{ pointer: '', message: evil }] });
    expect(page.querySelector('img')).toBeNull();
    expect(page.textContent).toContain(evil);
  });
});
