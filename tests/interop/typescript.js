// Prints what workers and callers in JavaScript write: the expected outputs in platools-gateway/tests/fixtures.
//
//   node typescript.js schemas  tools as the TypeScript SDK declares them: their zod schemas in the form of zod-to-json-schema, with
//                               arguments that fit and arguments that do not
//   node typescript.js form     texts, and the form that JSON.stringify gives them
//
//   MODULES  the folder that has node_modules

const path = require('node:path');
const { createRequire } = require('node:module');

const modules = createRequire(path.join(process.env.MODULES, 'typescript.js'));

function schemas() {
  const { z } = modules('zod');
  const { zodToJsonSchema } = modules('zod-to-json-schema');

  // The SDK names the schema and moves that definition to the root. The references to it stay as they were.
  function inputSchema(tool, schema) {
    const definition = `${tool}__input`;
    const converted = zodToJsonSchema(schema, { name: definition, $refStrategy: 'root', target: 'jsonSchema7' });
    const { $schema, title, ...root } = converted.definitions[definition];
    if (root.additionalProperties === false) {
      delete root.additionalProperties;
    }
    return root;
  }

  const address = () => z.object({ city: z.string(), zip: z.string().optional() });
  const [shared, item, pair, odd, both, tuple] = Array.from({ length: 6 }, address);
  const id = z.string().min(1);
  const tree = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));
  const lazyRoot = z.object({ v: z.string(), next: z.lazy(() => lazyRoot).optional() });
  const home = { city: 'Ulm' };
  const union = z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('a'), x: z.string() }),
    z.object({ kind: z.literal('b'), y: z.number() }),
  ]);

  // The schema of `v` or of the whole, arguments that fit, and some that do not where the schema can tell.
  const tools = [
    ['enums', z.enum(['a', 'b']), 'a', 'c'],
    ['native_enum', z.nativeEnum({ A: 1, B: 'x' }), 1, 2],
    ['nested', z.object({ w: z.object({ x: z.number() }) }), { w: { x: 1 } }, { w: { x: 'y' } }],
    ['optional', z.string().optional(), 'a', 1],
    ['with_default', z.number().default(7), 1, 'x'],
    ['union', z.union([z.string(), z.number()]), 1, true],
    ['union_of_objects', z.union([z.object({ a: z.string() }), z.object({ b: z.number() })]), { b: 1 }, { b: 'x' }],
    ['literal', z.literal('on'), 'on', 'off'],
    ['nullable', z.string().nullable(), null, 1],
    ['nullish', z.number().nullish(), null, 'x'],
    ['record', z.record(z.number()), { a: 1 }, { a: 'x' }],
    ['record_of_keys', z.record(z.enum(['a', 'b']), z.number()), { a: 1 }, { c: 1 }],
    ['map', z.map(z.string(), z.number()), [['a', 1]], [[1, 'a']]],
    ['tuple', z.tuple([z.string(), z.number()]), ['a', 1], [1, 'a']],
    ['tuple_with_rest', z.tuple([z.string()]).rest(z.number()), ['a', 1, 2], ['a', 'b']],
    ['intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })), { a: 'a', b: 1 }, { a: 'a' }],
    ['intersection_reused', z.object({ v: both.and(z.object({ n: z.number() })), w: both }), { v: { ...home, n: 1 }, w: home }, { v: home, w: {} }],
    ['reused_object', z.object({ v: shared, w: shared }), { v: home, w: home }, { v: home, w: { city: 1 } }],
    ['reused_item', z.object({ v: z.array(item), w: item.optional() }), { v: [home], w: home }, { v: [], w: 'Ulm' }],
    ['reused_in_tuple', z.object({ v: z.tuple([tuple, tuple]) }), { v: [home, home] }, { v: [home, 1] }],
    ['reused_scalar', z.object({ v: id, w: id }), { v: 'a', w: 'b' }, { v: 'a', w: '' }],
    ['reused_twice', z.object({ v: z.object({ w: pair, x: pair }), w: pair }), { v: { w: home, x: home }, w: home }, { v: { w: home, x: 1 }, w: home }],
    ['reused_under_odd_name', z.object({ 'a/b ü~': odd, w: odd }), { 'a/b ü~': home, w: home }, { 'a/b ü~': home, w: 1 }],
    ['recursive', tree, { name: 'a', children: [{ name: 'b', children: [] }] }, { name: 'a', children: [{}] }],
    ['recursive_root', lazyRoot, { v: 'a', next: { v: 'b' } }, { v: 'a', next: { v: 1 } }],
    ['look_ahead', z.string().regex(/^(?=.*\d)[a-z\d]+$/), 'a1', 1],
    ['regex', z.string().regex(/^[A-Z]{3}$/), 'ABC', 'abc'],
    ['starts_with', z.string().startsWith('a.').includes('b'), 'a.b', 'b'],
    ['strict', z.object({ v: z.string() }).strict(), { v: 'a' }, { v: 1 }],
    ['passthrough', z.object({ v: z.string() }).passthrough(), { v: 'a', w: 1 }, { v: 1 }],
    ['catchall', z.object({ v: z.string() }).catchall(z.number()), { v: 'a', w: 1 }, { v: 'a', w: 'b' }],
    ['bigint', z.bigint(), 1, 1.5],
    ['date', z.date(), '2026-01-01T00:00:00Z', 1],
    ['discriminated_union', union, { kind: 'b', y: 1 }, { kind: 'b', x: 'a' }],
    ['effects', z.string().refine((text) => text.length > 1).transform((text) => text.trim()), 'ab', 1],
    ['preprocess', z.preprocess((value) => Number(value), z.number()), 1, 'x'],
    ['branded', z.string().brand('Id'), 'a', 1],
    ['piped', z.string().pipe(z.string().min(2)), 'ab', 'a'],
    ['catch', z.number().catch(1), 1, 'x'],
    ['any', z.any(), { a: [1] }],
    ['unknown', z.unknown(), [1]],
    ['never', z.object({ v: z.string(), w: z.never().optional() }), { v: 'a' }, { v: 'a', w: 1 }],
    ['readonly', z.array(z.string()).readonly(), ['a'], [1]],
    ['set', z.set(z.string()), ['a', 'b'], ['a', 'a']],
    ['formats', z.object({ v: z.string().email(), w: z.string().ip().optional(), x: z.string().emoji().optional() }), { v: 'a@b.c' }, { v: 1 }],
    ['numbers', z.number().int().positive().multipleOf(3).max(30), 9, 10],
    ['described', z.string().describe('The v.'), 'a', 1],
    ['empty', z.object({}), {}],
    ['dotted.name', z.object({ v: z.array(shared), w: shared }), { v: [home], w: home }, { v: [home], w: 1 }],
  ];
  return tools.map(([name, schema, fits, misfits]) => {
    const whole = schema instanceof z.ZodObject && ('v' in schema.shape || name === 'empty' || 'a/b ü~' in schema.shape);
    const input = inputSchema(name, whole ? schema : z.object({ v: schema }));
    const wrapped = (value) => (whole ? value : { v: value });
    return { name, schema: input, fits: wrapped(fits), misfits: misfits === undefined ? null : wrapped(misfits) };
  });
}

function form() {
  const texts = [
    ...'2.0 1e3 1.10 -0 0 -0.0 0.0 1E3 1e+3 1.5e-7 0.00000015 0.000001 0.0000010 1e21 123456789012345680000 1e20 1e-6 1e-7 12e-8'.split(' '),
    ...'100000000000000000000 5e-324 1.7976931348623157e308 -1.50 -2e2 0.1 0.30000000000000004 123.456 9007199254740991'.split(' '),
    ...'1234567890123456 999999999999999900000 1e22 1.0e5 0e5 -12.340e1'.split(' '),
    '"\\u00e9"', '"\\ud83c\\udf89"', '"\\/"', '"é🎉"', '"\\u0000\\u001f\\u007f\\u2028\\u2029"', '"\\b\\f\\n\\r\\t\\"\\\\"',
    '"\\u0008\\u000A"', '"\\u0041"', '"a\\u005c"', '"\\uFFFD"', '[]', '{}', '[{},[],null,true,false]', '[1.0,[2.50,{"x":-0}]]',
    '{"b":1,"2":2,"1":3}', '{"a":{"10":1,"9":2,"x":[{"1":1.0,"0":2}]},"0":null}', '{"\\u0061":true,"\\u0031":false}',
    '{"4294967295":1,"4294967294":2,"a":3}', '{"01":1,"1":2}', '{"-1":1,"1":2}', '{"":1,"0":2}', '{"1.5":1,"1":2}', '{"__proto__":1,"3":2.0}',
  ];
  return texts.map((text) => [text, JSON.stringify(JSON.parse(text))]);
}

const rows = process.argv[2] === 'schemas' ? schemas() : form();
console.log(`[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(',\n')}\n]`);
