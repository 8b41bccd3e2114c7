// A version of the official client for TypeScript against a server: lists, compiles every schema, and makes every call of a file.
//
// The arguments are the file and the name of the client's package. MODULES names the folder of the packages. Prints a report as JSON.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

const [file, client] = process.argv.slice(2);
const { server, revision, cases } = JSON.parse(readFileSync(file, 'utf8'));
const require = createRequire(process.env.MODULES);
const load = (path) => import(require.resolve(path));

// The blocks of content, each with the first revision that has it.
const BLOCKS = { text: '2024-11-05', image: '2024-11-05', resource: '2024-11-05', audio: '2025-03-26', resource_link: '2025-06-18' };

// The first revision with structured content.
const STRUCTURED = '2025-06-18';

const PATIENCE = { timeout: 30_000 };

const INFO = { name: 'matrix', version: '1' };

/** A client of the first generation, such as `sdk-1.20.2`. */
async function firstGeneration() {
    const { Client } = await load(`${client}/client/index.js`);
    const { StreamableHTTPClientTransport } = await load(`${client}/client/streamableHttp.js`);
    const { StdioClientTransport } = await load(`${client}/client/stdio.js`);
    const connected = new Client(INFO, { capabilities: {} });
    const transport = transportOf(StreamableHTTPClientTransport, StdioClientTransport);
    const initialized = overriding(transport);
    await connected.connect(transport);
    return { connected, negotiated: initialized(), call: (request) => connected.callTool(request, undefined, PATIENCE) };
}

/** A client of the second generation, which also knows the revision without sessions. */
async function secondGeneration() {
    const { Client, StreamableHTTPClientTransport } = await load(client);
    const { StdioClientTransport } = await load(`${client}/stdio`);
    const mode = !revision || revision >= '2026' ? { pin: revision ?? '2026-07-28' } : 'legacy';
    const connected = new Client(INFO, { capabilities: {}, versionNegotiation: { mode } });
    const transport = transportOf(StreamableHTTPClientTransport, StdioClientTransport);
    const initialized = overriding(transport);
    await connected.connect(transport);
    const negotiated = connected.getNegotiatedProtocolVersion?.() ?? initialized();
    return { connected, negotiated, call: (request) => connected.callTool(request, PATIENCE) };
}

function transportOf(Http, Stdio) {
    if (!server.url) return new Stdio({ ...server, stderr: 'inherit' });
    return new Http(new URL(server.url), { requestInit: { headers: { Authorization: `Bearer ${server.token}` } } });
}

/** Has the transport ask for the revision, for which clients have no setting. Returns how to read the answer. */
function overriding(transport) {
    let answered;
    const { send } = transport;
    transport.send = function (message, ...rest) {
        if (message.method !== 'initialize') return send.call(this, message, ...rest);
        const { onmessage } = this;
        this.onmessage = function (answer, ...more) {
            answered = answer.result?.protocolVersion ?? answered;
            return onmessage.call(this, answer, ...more);
        };
        const params = revision ? { ...message.params, protocolVersion: revision } : message.params;
        return send.call(this, { ...message, params }, ...rest);
    };
    return () => answered;
}

/** The strictest validator, of the dialect that a schema names; without one that is the one that clients compile schemas with. */
async function validators() {
    const formats = (await load('ajv-formats')).default.default ?? (await load('ajv-formats')).default;
    const strict = async (path) => {
        const { default: loaded } = await load(path);
        const ajv = new (loaded.default ?? loaded)({ strict: true, allErrors: true });
        formats(ajv);
        return ajv;
    };
    const [usual, current] = [await strict('ajv'), await strict('ajv/dist/2020.js')];
    return { usual, current };
}

const problems = [];
const problem = (tool, text) => problems.push([tool, text]);
const shown = (value) => JSON.stringify(value)?.slice(0, 300);

/** The compiled schemas of a tool. */
function compiled({ usual, current }, tool) {
    const functions = {};
    for (const kind of ['inputSchema', 'outputSchema']) {
        const schema = tool[kind];
        if (!schema) continue;
        // The current dialect has to read all of them, the usual one those that name no other.
        for (const ajv of schema.$schema ? [current] : [current, usual]) {
            try {
                functions[kind] = ajv.compile(schema);
            } catch (error) {
                problem(tool.name, `${kind}: ${error.message} (${ajv === usual ? 'draft-07' : '2020-12'})`);
            }
        }
    }
    return functions;
}

function misfit(name, validate, value, kind) {
    if (validate && !validate(value)) problem(name, `${kind}: ${shown(validate.errors)}`);
}

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

const same = (one, other) => isDeepStrictEqual(one, other);

function checkContent(expected, { tool, result, structured }, blocks, negotiated) {
    if (!expected) {
        const text = blocks[0]?.text ?? '';
        const is = typeof result === 'string' ? text : parsed(text);
        if (blocks.length !== 1 || !same(is, result)) problem(tool, `text: ${shown(blocks)}`);
    } else if (expected.every((block) => BLOCKS[block.type] <= negotiated)) {
        // Without structured content the value is a text behind the blocks.
        const isText = structured && negotiated < STRUCTURED;
        const value = isText ? parsed(blocks.at(-1)?.text ?? '') : result;
        if (!same(isText ? blocks.slice(0, -1) : blocks, expected) || !same(value, result)) problem(tool, `content: ${shown(blocks)}`);
    } else if (blocks.some((block) => BLOCKS[block.type] > negotiated)) {
        problem(tool, `content that ${negotiated} does not have: ${shown(blocks)}`);
    }
}

function checkStructured({ tool, structured, result }, content, listed, functions, negotiated) {
    if (negotiated < STRUCTURED) {
        if (content !== undefined || listed.outputSchema) problem(tool, `${negotiated} has no structured content`);
    } else if (!structured) {
        if (content !== undefined) problem(tool, `unexpected structuredContent: ${shown(content)}`);
    } else if (!same(content, result)) {
        problem(tool, `structuredContent: ${shown(content)}`);
    } else if (!listed.outputSchema) {
        problem(tool, 'there is no outputSchema');
    } else {
        misfit(tool, functions.outputSchema, content, 'outputSchema');
    }
}

function check(test, answer, listed, functions, negotiated) {
    const { content: blocks, structuredContent: content, isError } = answer;
    const said = blocks.map((block) => block.text ?? '').join('');
    if (test.broken) {
        // Without schemas of results there is nothing to break.
        if ((isError ?? false) !== negotiated >= STRUCTURED || content !== undefined) problem(test.tool, `a result that breaks its schema is no error: ${shown(answer)}`);
        else if (!said.includes(test.broken)) problem(test.tool, `the text of a result that breaks its schema is lost: ${shown(blocks)}`);
    } else if (test.long) {
        if (!blocks.length) problem(test.tool, `nothing is said of a long result: ${shown(answer)}`);
    } else if (isError) {
        problem(test.tool, `an error: ${shown(blocks)}`);
    } else {
        checkContent(test.content, test, blocks, negotiated);
        checkStructured(test, content, listed, functions, negotiated);
    }
}

const { connected, negotiated, call } = await (client.endsWith('/client') ? secondGeneration() : firstGeneration());
// Only the first page is read by many clients.
const { tools } = await connected.listTools(undefined, PATIENCE);
const ajv = await validators();
const listed = new Map();
for (const tool of tools) {
    listed.set(tool.name, { tool, functions: compiled(ajv, tool) });
    // Connections that end meanwhile are noticed.
    await new Promise((resolve) => setImmediate(resolve));
}
let called = 0;
for (const test of cases) {
    const found = listed.get(test.tool);
    if (!found) {
        problem(test.tool, 'it is not listed');
        continue;
    }
    if (test.fits ?? true) misfit(test.tool, found.functions.inputSchema, test.arguments, 'inputSchema');
    try {
        const answer = await call({ name: test.tool, arguments: test.arguments });
        called += 1;
        check(test, answer, found.tool, found.functions, negotiated);
    } catch (error) {
        problem(test.tool, `${error.name}: ${String(error.message).slice(0, 300)}`);
    }
}
await connected.close();
console.log(JSON.stringify({ revision: negotiated, tools: [...listed.keys()].sort(), called, problems }));
