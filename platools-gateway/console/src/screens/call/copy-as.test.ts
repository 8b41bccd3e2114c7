import { expect, test } from 'vitest';

import { parse, write } from '../../json';
import { asCurl, asMcp, asPython, asRust, rustText, shellWord, type CopiedCall } from './copy-as';

const call: CopiedCall = {
  url: 'http://127.0.0.1:3100',
  tool: 'files.read',
  entity: 'orders',
  environment: 'development',
  arguments: parse('{"path": "it\'s \\"here\\"\\n$HOME `id`", "id": 9007199254740993, "deep": {"none": null, "yes": true, "list": [1.50, []]}}'),
};

/** The word that a POSIX shell reads where everything that is special is in single quotes or behind a backslash. */
function wordOf(text: string): string {
  return text.replace(/'([^']*)'|\\(.)/g, (_, quoted: string | undefined, escaped: string | undefined) => quoted ?? escaped ?? '');
}

const bodyOf = (command: string): string => wordOf(command.slice(command.indexOf(' -d ') + 4));

test('a word of the shell is what it was, whatever it has in it', () => {
  for (const word of ['plain', "it's", '$HOME', '`id`', '"', '\\', 'two words', "'", 'line\nbreak', '']) {
    expect(wordOf(shellWord(word))).toBe(word);
    // Nothing special stands outside of single quotes.
    expect(shellWord(word).replace(/'[^']*'|\\'/g, '')).toMatch(/^[\w@%+=:,./-]*$/);
  }
});

test('curl sends the arguments with all their digits, and no key is written down', () => {
  const text = asCurl(call);
  expect(text).toContain('http://127.0.0.1:3100/v1/tools/files.read/call');
  expect(text).toContain('$PLATOOLS_GATEWAY_KEY');
  expect(bodyOf(text)).toBe(`{"arguments":${write(call.arguments)},"entityId":"orders","environmentId":"development"}`);
});

test('Python has its own words for true and null, and the digits stay', () => {
  const text = asPython(call);
  expect(text).toContain('        "path": "it\'s \\"here\\"\\n$HOME `id`",\n        "id": 9007199254740993,');
  expect(text).toContain('"none": None,\n            "yes": True,\n            "list": [\n                1.50,\n                [],\n            ],');
});

test('Rust has numbers that fit, and only escapes that it knows', () => {
  const text = asRust(call);
  expect(text).toContain('json!({\n        "name": "files.read",\n        "arguments": {');
  expect(text).toContain('"id": 9007199254740993_u64,');
  expect(text).toContain('"path": "it\'s \\"here\\"\\n$HOME `id`",');
  expect(rustText('\u0000\u0008 \ud83d\ude00 \ud83d')).toBe('"\\u{0}\\u{8} \ud83d\ude00 \ufffd"');
});

test('the request of MCP names the tool, its entity and its environment', () => {
  const text = asMcp(call);
  expect(text).toContain("'http://127.0.0.1:3100/mcp/entities/orders?env=development'");
  const message = JSON.parse(bodyOf(text)) as { params: { name: string; arguments: { deep: unknown } } };
  expect(message.params.name).toBe('files.read');
  expect(message.params.arguments.deep).toEqual({ none: null, yes: true, list: [1.5, []] });
});
