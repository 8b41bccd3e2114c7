// Copies of a call for other programs: a command of the shell, a program in Rust or Python, and a request of the Model Context Protocol.

import { JsonNumber, write, type Json, type JsonObject } from '../../json';

/** A call to write down. */
export interface CopiedCall {
  /** The address of the gateway, without a slash at its end. */
  url: string;
  tool: string;
  /** The slug of the entity. */
  entity: string;
  environment: string;
  arguments: Json;
}

/** The variable that has the key in every copy. No copy has the key itself. */
export const KEY_VARIABLE = 'PLATOOLS_GATEWAY_KEY';

export const COPIES: { id: string; title: string; write: (call: CopiedCall) => string }[] = [
  { id: 'curl', title: 'curl', write: asCurl },
  { id: 'python', title: 'Python', write: asPython },
  { id: 'rust', title: 'Rust', write: asRust },
  { id: 'mcp', title: 'MCP', write: asMcp },
];

/** A text as one word of a POSIX shell. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function bodyOf(call: CopiedCall): JsonObject {
  return new Map<string, Json>([
    ['arguments', call.arguments],
    ['entityId', call.entity],
    ['environmentId', call.environment],
  ]);
}

const callUrl = (call: CopiedCall): string => `${call.url}/v1/tools/${encodeURIComponent(call.tool)}/call`;

export function asCurl(call: CopiedCall): string {
  return [
    `curl ${shellWord(callUrl(call))} \\`,
    `  -H "Authorization: Bearer $${KEY_VARIABLE}" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${shellWord(write(bodyOf(call)))}`,
  ].join('\n');
}

export function asPython(call: CopiedCall): string {
  return [
    'import json',
    'import os',
    'import urllib.request',
    '',
    `body = ${pythonValue(bodyOf(call), '')}`,
    'request = urllib.request.Request(',
    `    ${pythonText(callUrl(call))},`,
    '    data=json.dumps(body).encode(),',
    '    headers={',
    `        "Authorization": "Bearer " + os.environ["${KEY_VARIABLE}"],`,
    '        "Content-Type": "application/json",',
    '    },',
    ')',
    'with urllib.request.urlopen(request) as response:',
    '    print(json.load(response)["result"])',
  ].join('\n');
}

export function asRust(call: CopiedCall): string {
  return [
    'use platools_client::RpcClient;',
    'use serde_json::{Value, json};',
    '',
    '#[tokio::main]',
    'async fn main() -> Result<(), Box<dyn std::error::Error>> {',
    `    let key = std::env::var("${KEY_VARIABLE}")?;`,
    `    let client = RpcClient::builder().url(${rustText(call.url)}).secret(key).user_id("me").connect().await?;`,
    `    let params = json!(${indented(rustJson(bodyOf(call)), '    ').replace('{', `{\n        "name": ${rustText(call.tool)},`)});`,
    '    let reply: Value = client.call("tools.call", params).await?;',
    '    println!("{}", reply["result"]);',
    '    Ok(())',
    '}',
  ].join('\n');
}

const MCP_REVISION = '2026-07-28';

export function asMcp(call: CopiedCall): string {
  const message = new Map<string, Json>([
    ['jsonrpc', '2.0'],
    ['id', new JsonNumber('1')],
    ['method', 'tools/call'],
    [
      'params',
      new Map<string, Json>([
        ['name', call.tool],
        ['arguments', call.arguments],
        [
          '_meta',
          new Map<string, Json>([
            ['io.modelcontextprotocol/protocolVersion', MCP_REVISION],
            ['io.modelcontextprotocol/clientInfo', new Map<string, Json>([['name', 'curl'], ['version', '1']])],
            ['io.modelcontextprotocol/clientCapabilities', new Map<string, Json>()],
          ]),
        ],
      ]),
    ],
  ]);
  const url = `${call.url}/mcp/entities/${encodeURIComponent(call.entity)}?env=${encodeURIComponent(call.environment)}`;
  return [
    `curl ${shellWord(url)} \\`,
    `  -H "Authorization: Bearer $${KEY_VARIABLE}" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -H 'Accept: application/json, text/event-stream' \\`,
    `  -H 'MCP-Protocol-Version: ${MCP_REVISION}' \\`,
    `  -H 'Mcp-Method: tools/call' \\`,
    `  -H ${shellWord(`Mcp-Name: ${call.tool}`)} \\`,
    `  -d ${shellWord(write(message))}`,
  ].join('\n');
}

/** JSON's escapes are Python's, too. */
const pythonText = (text: string): string => JSON.stringify(text);

function pythonValue(value: Json, indent: string): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return pythonText(value);
  if (value instanceof JsonNumber) return value.text;
  const deeper = `${indent}    `;
  const lines = Array.isArray(value) ? value.map((item) => pythonValue(item, deeper)) : [...value].map(([name, member]) => `${pythonText(name)}: ${pythonValue(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return lines.length === 0 ? `${open}${close}` : `${open}\n${lines.map((line) => `${deeper}${line},\n`).join('')}${indent}${close}`;
}

/** A text of Rust, which has no `\b`, `\f` and `\uXXXX`. Half a character, which no text of Rust can have, becomes the replacement character. */
export function rustText(text: string): string {
  const escaped = text
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
    .replace(/["\\]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
  return `"${escaped}"`;
}

function rustJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return rustText(value);
  // A literal without a suffix is an i32, which is too narrow for most whole numbers.
  if (value instanceof JsonNumber) return /^-?\d+$/.test(value.text) ? `${value.text}${value.text.startsWith('-') ? '_i64' : '_u64'}` : value.text;
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[\n${value.map((item) => `    ${indented(rustJson(item), '    ')},\n`).join('')}]`;
  if (value.size === 0) return '{}';
  return `{\n${[...value].map(([name, member]) => `    ${rustText(name)}: ${indented(rustJson(member), '    ')},\n`).join('')}}`;
}

/** Indents all lines of a text but the first. A text of Rust has no line break, so no value changes. */
const indented = (text: string, indent: string): string => text.replaceAll('\n', `\n${indent}`);
