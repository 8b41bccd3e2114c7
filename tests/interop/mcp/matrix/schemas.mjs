// Prints tools as workers with zod declare them, version 3 through zod-to-json-schema and version 4 by itself, each with arguments that fit: zod.json.
//
// MODULES names the folder of the packages. Every tool returns its arguments.

import { createRequire } from 'node:module';

const require = createRequire(process.env.MODULES);
const load = async (name) => (await import(require.resolve(name))).z;
const [zod3, zod4] = [await load('zod3'), await load('zod')];
const { zodToJsonSchema } = await import(require.resolve('zod-to-json-schema'));

const HOME = { city: 'Ulm' };

/** Names, types and values that fit. */
function types(z) {
    const address = z.object({ city: z.string().describe('The city'), zip: z.string().optional() });
    const category = z.object({ name: z.string(), parent: z.lazy(() => category).optional() });
    const event = z.discriminatedUnion('type', [
        z.object({ type: z.literal('a'), x: z.number() }),
        z.object({ type: z.literal('b'), y: z.array(address) }),
    ]);
    return [
        ['string_checks', z.string().min(1).max(20).regex(/^[\w-]+\.txt$/i), 'a-1.txt'],
        ['string_starts', z.string().startsWith('a/').endsWith('"'), 'a/b"'],
        ['email', z.string().email(), 'a@example.com'],
        ['url', z.string().url(), 'https://example.com/a'],
        ['uuid', z.string().uuid(), '67e55044-10b1-426f-9247-bb680e5fe0c8'],
        ['cuid', z.string().cuid2(), 'tz4a98xxat96iws9zmbrgj3a'],
        ['ulid', z.string().ulid(), '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
        ['emoji', z.string().emoji(), '🎉'],
        ['base64', z.string().base64(), 'AQID'],
        ['datetime', z.string().datetime({ offset: true }), '2026-02-28T23:59:59+01:00'],
        ['local_datetime', z.string().datetime({ local: true }), '2026-02-28T23:59:59'],
        ['date', z.string().date(), '2026-02-28'],
        ['time', z.string().time(), '23:59:59'],
        ['duration', z.string().duration(), 'P1DT2H'],
        ['ip', z.string().ip ? z.string().ip() : z.union([z.ipv4(), z.ipv6()]), '127.0.0.1'],
        ...(z === zod4 ? [['cidr', z.cidrv4(), '10.0.0.0/8']] : []),
        ['jwt', z.string().jwt(), 'eyJhbGciOiJIUzI1NiJ9.e30.abc'],
        ['unicode', z.string().regex(/^\p{L}+$/u), 'Straße'],
        ['look_behind', z.string().regex(/(?<=a)b/), 'ab'],
        ['number_checks', z.number().gt(0).lt(10).multipleOf(0.5), 2.5],
        ['int', z.number().int().nonnegative(), 3],
        ['bool', z.boolean(), true],
        ['nothing', z.null(), null],
        ['anything', z.any(), { a: [1] }],
        ['unknown', z.unknown(), 'a'],
        ['literal', z.literal('on'), 'on'],
        ['number_literal', z.literal(7), 7],
        ['literals', z.union([z.literal('a'), z.literal(1), z.literal(true)]), 1],
        ['enum', z.enum(['a', 'b']), 'a'],
        ['native_enum', z.nativeEnum({ A: 1, B: 'x' }), 'x'],
        ['object', address, HOME],
        ['strict', z.object({ a: z.string() }).strict(), { a: 'b' }],
        ['passthrough', z.object({ a: z.string() }).passthrough(), { a: 'b', c: 1 }],
        ['catchall', z.object({ a: z.string() }).catchall(z.number()), { a: 'b', c: 1 }],
        ['nullable', z.string().nullable(), null],
        ['nullable_object', address.nullable(), null],
        ['nullish', z.object({ a: z.number().nullish() }), {}],
        ['default', z.object({ a: z.number().default(7) }), { a: 1 }],
        ['array', z.array(z.string()).min(1).max(3), ['a']],
        ['nonempty', z.array(address).nonempty(), [HOME]],
        ['set', z.array(z.enum(['a', 'b'])), ['b']],
        ['tuple', z.tuple([z.string(), z.number()]), ['a', 1]],
        ['tuple_rest', z.tuple([z.string(), z.boolean()]).rest(z.number()), ['a', true, 1, 2]],
        ['tuple_of_one_type', z.tuple([z.number(), z.number()]), [1, 2]],
        ['swapped_tuples', z.union([z.tuple([z.string(), z.number()]), z.tuple([z.number(), z.string()])]), [1, 'a']],
        ['record', z.record(z.string(), z.number()), { a: 1 }],
        ['record_of_keys', z.record(z.string().min(1).max(3), address), { abc: HOME }],
        ['union', z.union([z.string(), z.number()]), 1],
        ['union_of_objects', z.union([z.object({ a: z.string() }), z.object({ b: z.number() })]), { b: 1 }],
        ['discriminated', event, { type: 'b', y: [HOME] }],
        ['some_discriminated', z.array(event), [{ type: 'a', x: 1.5 }]],
        ['intersection', z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })), { a: 'a', b: 1 }],
        ['recursive', category, { name: 'a', parent: { name: 'b' } }],
        ['reused', z.object({ from: address, to: address }), { from: HOME, to: HOME }],
        ['readonly', z.object({ a: z.string() }).readonly(), { a: 'b' }],
        ['branded', z.string().brand('Id'), 'a'],
        ['deep', z.object({ a: z.object({ b: z.object({ c: z.array(z.object({ d: z.string() })) }) }) }), { a: { b: { c: [{ d: 'e' }] } } }],
    ];
}

const CONVERTERS = {
    zod3: [zod3, (schema) => zodToJsonSchema(schema)],
    zod3_named: [zod3, (schema) => zodToJsonSchema(schema, { definitionPath: '$defs', $refStrategy: 'root', target: 'jsonSchema2019-09' })],
    zod4: [zod4, (schema, io) => zod4.toJSONSchema(schema, { io })],
    zod4_draft7: [zod4, (schema, io) => zod4.toJSONSchema(schema, { io, target: 'draft-7', reused: 'ref' })],
};

const tools = Object.entries(CONVERTERS).flatMap(([converter, [z, convert]]) =>
    types(z).map(([name, type, value]) => {
        const whole = z.object({ value: type });
        return {
            name: `${converter}_${name}`,
            description: 'Return the value.',
            input_schema: convert(whole, 'input'),
            output_schema: convert(whole, 'output'),
            arguments: { value },
        };
    }),
);
// One tool on a line.
console.log(`[\n${tools.map((tool) => JSON.stringify(tool)).join(',\n')}\n]`);
