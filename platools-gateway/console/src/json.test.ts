import { describe, expect, it } from 'vitest';

import { equal, fromPlain, JsonSyntaxError, parse, pointerTo, pointerTokens, toPlain, write } from './json';

describe('parse and write', () => {
  it.each([
    '{"b":1,"a":2,"1":3,"0":4}',
    '[12345678901234567890,9007199254740993,1e400,-0,2.0,1e3]',
    '{"__proto__":{"constructor":1},"":[]}',
    '"\\u0000\\n\\"\\\\"',
    '[[],{},null,true,false,""]',
  ])('keep digits and order: %s', (text) => {
    expect(write(parse(text))).toBe(text);
  });

  it('reads what it has written over several lines', () => {
    const value = parse('{"a":[1,{"b":[]}],"c":{}}');
    const text = write(value, '  ');
    expect(text).toBe('{\n  "a": [\n    1,\n    {\n      "b": []\n    }\n  ],\n  "c": {}\n}');
    expect(equal(parse(text), value)).toBe(true);
  });

  it.each([
    ['{"a": 1,}', 1, 9, 'a name in double quotes'],
    ['{"a": 1\n "b": 2}', 2, 2, 'a comma'],
    ['[1, 2', 1, 6, 'a comma'],
    ['{"a": 1, "a": 2}', 1, 10, 'there twice'],
    ['01', 1, 2, 'nothing may follow'],
    ["'a'", 1, 1, 'expected a value'],
    ['"a\nb"', 1, 1, 'line break'],
    ['', 1, 1, 'the text ends'],
    ['[' .repeat(200), 1, 130, 'levels deep'],
  ])('name the place of a mistake: %j', (text, line, column, reason) => {
    const failure = (() => {
      try {
        return parse(text);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(JsonSyntaxError);
    expect(failure).toMatchObject({ line, column, message: expect.stringContaining(reason) as string });
  });

  it('reads whatever JSON.stringify writes', () => {
    for (const value of [0, -1.5e-9, 1.797e308, 'ä\u2028😀', [null, { a: [{}] }], { x: { y: 'z' } }]) {
      expect(toPlain(parse(JSON.stringify(value)))).toEqual(value);
      expect(equal(parse(JSON.stringify(value)), fromPlain(value))).toBe(true);
    }
  });
});

describe('equal', () => {
  it('compares numbers by value, large ones to the last digit', () => {
    expect(equal(parse('1'), parse('1.0'))).toBe(true);
    expect(equal(parse('9007199254740993'), parse('9007199254740992'))).toBe(false);
  });

  it('ignores the order of names, not of items', () => {
    expect(equal(parse('{"a":1,"b":2}'), parse('{"b":2,"a":1}'))).toBe(true);
    expect(equal(parse('[1,2]'), parse('[2,1]'))).toBe(false);
    expect(equal(parse('{"a":null}'), parse('{"b":null}'))).toBe(false);
  });
});

describe('pointers', () => {
  it('escape names and read them again', () => {
    const pointer = ['a/b', 'c~d', '', '0'].reduce(pointerTo, '');
    expect(pointer).toBe('/a~1b/c~0d//0');
    expect(pointerTokens(pointer)).toEqual(['a/b', 'c~d', '', '0']);
    expect(pointerTokens('')).toEqual([]);
  });
});
