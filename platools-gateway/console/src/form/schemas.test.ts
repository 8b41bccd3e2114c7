// @vitest-environment node
//
// The form against the schemas of the test tools and a few hundred of schemars (test/schemas.json, which a Rust test keeps current).

import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { equal, parse, toPlain, write, type Json } from '../json';
import { assemble, toText } from './assemble';
import { load, startForm, type Node } from './node';
import { readSchema } from './read';
import { anyJson, fillAtRandom, Random } from './test/random';
import { snapshots } from './test/snapshots';

interface FormCase {
  name: string;
  schema: object;
  values: Json[];
}

const folder = join(import.meta.dirname, 'test');
const cases = readCases(join(folder, 'schemas.json'));
const all = [...cases, ...snapshots(join(import.meta.dirname, '../../../../tests/tests/snapshots'))];

// Read exactly, so that values with large integers are compared in full.
function readCases(path: string): FormCase[] {
  const parsed = parse(readFileSync(path, 'utf8'));
  return (parsed as Map<string, Json>[]).map((entry) => ({
    name: entry.get('name') as string,
    schema: toPlain(entry.get('schema') ?? true) as object,
    values: entry.get('values') as Json[],
  }));
}

const validators = new Map<object, (value: Json) => boolean>();

/** The check of a schema. Making one takes the most time of these tests. */
function validator(schema: object): (value: Json) => boolean {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const isOld = JSON.stringify(schema).includes('draft-07');
  const options = { strict: false, validateFormats: false, unicodeRegExp: true };
  const ajv = isOld ? new Ajv(options) : new Ajv2020(options);
  const check = ajv.compile(schema);
  const isValid = (value: Json) => check(toPlain(value));
  validators.set(schema, isValid);
  return isValid;
}

/** The nodes that show a value as JSON although its shape has controls. */
function misfits(node: Node): Node[] {
  switch (node.kind) {
    case 'json':
      return node.shape.kind === 'any' ? [] : [node];
    case 'object':
      return [...node.slots.map((slot) => slot.node), ...node.entries.map((entry) => entry.node)].filter((inner) => inner !== null).flatMap(misfits);
    case 'list':
      return node.items.flatMap(misfits);
    case 'choice':
      return node.node === null ? [] : misfits(node.node);
    default:
      return [];
  }
}

it('has the schemas of all test tools and a few hundred combinations', () => {
  expect(cases.length).toBeGreaterThan(400);
  expect(all.length).toBeGreaterThan(cases.length + 5);
});

it('mostly has values that are valid', () => {
  const wrong = cases.flatMap(({ name, schema, values }) => (values.every(validator(schema)) ? [] : [name]));
  // These are texts that the gateway makes numbers of.
  expect(wrong).toEqual(['a_largest_u64', 'a_smallest_i64']);
}, 60_000);

describe.each(all.map((one) => [one.name, one] as const))('%s', (_, { schema, values }) => {
  const shape = readSchema(schema as never);
  const isValid = (value: Json) => validator(schema)(value);

  it('starts as a value that is valid, or says what is missing', () => {
    const { value, problems } = assemble(startForm(shape));
    if (problems.length === 0 && value !== undefined) expect([write(value), isValid(value)]).toEqual([write(value), true]);
  });

  it('shows each valid value in its controls, and gives it back as it was', () => {
    for (const value of values.filter(isValid)) {
      const node = load(shape, value);
      const { value: back, problems } = assemble(node);
      expect(problems).toEqual([]);
      expect(back !== undefined && equal(back, value)).toBe(true);
      expect(misfits(node).map(({ shape: { type } }) => type)).toEqual([]);
      expect(equal(parse(toText(node)), value)).toBe(true);
    }
  });

  it('gives any value back as it was, valid or not', () => {
    const random = new Random(7);
    for (let round = 0; round < 20; round += 1) {
      const value = anyJson(random);
      expect(write(assemble(load(shape, value)).value ?? null).length).toBe(write(value).length);
      expect(equal(assemble(load(shape, value)).value ?? null, value)).toBe(true);
    }
  });

  it('gives what is filled in at random back after its JSON was read again', () => {
    const random = new Random(11);
    for (let round = 0; round < 10; round += 1) {
      const { value, problems } = assemble(fillAtRandom(startForm(shape), random));
      if (value === undefined || problems.length > 0) continue;
      expect(equal(assemble(load(shape, parse(write(value, '  ')))).value ?? null, value)).toBe(true);
    }
  });
});

it('mostly makes valid values when it is filled in at random', () => {
  const random = new Random(3);
  let valid = 0;
  let made = 0;
  for (const { schema } of cases) {
    const isValid = validator(schema);
    for (let round = 0; round < 5; round += 1) {
      const { value, problems } = assemble(fillAtRandom(startForm(readSchema(schema as never)), random));
      if (value === undefined || problems.length > 0) continue;
      made += 1;
      if (isValid(value)) valid += 1;
    }
  }
  // The rest breaks bounds and patterns, which the form leaves to the gateway.
  expect(made).toBeGreaterThan(cases.length * 3);
  expect(valid / made).toBeGreaterThan(0.8);
}, 60_000);
