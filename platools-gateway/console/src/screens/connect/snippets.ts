// Snippets that connect a client or a worker: files, commands and programs with the real address and a real token in them.

import { shellWord } from '../call/copy-as';

export interface SnippetFile {
  /** The name of the file, or what the text is for. */
  name: string;
  text: string;
}

export interface Snippet {
  id: string;
  title: string;
  lead: string;
  files: SnippetFile[];
}

export interface ClientValues {
  /** The address of the gateway, without a slash at its end. */
  url: string;
  token: string;
  /** The slug of the environment whose tools the client uses. */
  environment: string;
  /** The slug of an agent that OpenAI's client talks to. */
  agent: string;
}

export interface WorkerValues {
  url: string;
  token: string;
  environment: string;
}

/** The name under which clients show the gateway. */
const SERVER = 'platools';

const json = (value: unknown): string => JSON.stringify(value, null, 2);

/** The default environment needs no query. */
function withEnvironment(url: string, environment: string): string {
  return environment === 'development' ? url : `${url}?env=${encodeURIComponent(environment)}`;
}

export function clientSnippets({ url, token, environment, agent }: ClientValues): Snippet[] {
  const mcp = withEnvironment(`${url}/mcp`, environment);
  const authorization = `Authorization: Bearer ${token}`;
  return [
    {
      id: 'claude-code',
      title: 'Claude Code',
      lead: 'Run this once in a terminal. The command claude mcp list shows whether it is connected.',
      files: [{ name: 'Terminal', text: `claude mcp add --transport http ${SERVER} ${shellWord(mcp)} --header ${shellWord(authorization)}` }],
    },
    {
      id: 'claude-desktop',
      title: 'Claude Desktop',
      lead: 'Claude Desktop starts a program: the gateway’s own binary as a bridge. Install platools-gateway on that machine first, then restart Claude Desktop.',
      files: [
        {
          name: 'claude_desktop_config.json',
          text: json({ mcpServers: { [SERVER]: { command: 'platools-gateway', args: ['mcp', '--url', mcp], env: { PLATOOLS_GATEWAY_KEY: token } } } }),
        },
      ],
    },
    {
      id: 'cursor',
      title: 'Cursor',
      lead: 'Put this into the file in your home folder. Leave the token out of files that you commit.',
      files: [{ name: '~/.cursor/mcp.json', text: json({ mcpServers: { [SERVER]: { url: mcp, headers: { Authorization: `Bearer ${token}` } } } }) }],
    },
    {
      id: 'vscode',
      title: 'VS Code',
      lead: 'VS Code asks for the token once and keeps it outside of the file, so that the file can be committed.',
      files: [
        {
          name: '.vscode/mcp.json',
          text: json({
            inputs: [{ id: 'platools-token', type: 'promptString', description: 'Token of the gateway', password: true }],
            servers: { [SERVER]: { type: 'http', url: mcp, headers: { Authorization: 'Bearer ${input:platools-token}' } } },
          }),
        },
        { name: 'The token that VS Code asks for', text: token },
      ],
    },
    {
      id: 'openai',
      title: 'OpenAI’s client',
      lead: 'An agent of the gateway answers as a model, and calls the tools by itself.',
      files: [
        { name: 'Terminal', text: `pip install openai\nexport OPENAI_BASE_URL=${shellWord(`${url}/v1`)}\nexport OPENAI_API_KEY=${shellWord(token)}` },
        {
          name: 'ask.py',
          text: [
            'from openai import OpenAI',
            '',
            'client = OpenAI()',
            'answer = client.chat.completions.create(',
            `    model=${JSON.stringify(agent)},`,
            '    messages=[{"role": "user", "content": "/help"}],',
            ')',
            'print(answer.choices[0].message.content)',
          ].join('\n'),
        },
      ],
    },
    {
      id: 'curl',
      title: 'curl',
      lead: 'List the tools, then call one with the arguments that its schema asks for.',
      files: [
        {
          name: 'Terminal',
          text: [
            `export PLATOOLS_GATEWAY_URL=${shellWord(url)}`,
            `export PLATOOLS_GATEWAY_KEY=${shellWord(token)}`,
            '',
            `curl "$PLATOOLS_GATEWAY_URL/v1/tools?environmentId=${encodeURIComponent(environment)}" -H "Authorization: Bearer $PLATOOLS_GATEWAY_KEY"`,
            '',
            'curl "$PLATOOLS_GATEWAY_URL/v1/tools/TOOL/call" \\',
            '  -H "Authorization: Bearer $PLATOOLS_GATEWAY_KEY" \\',
            "  -H 'Content-Type: application/json' \\",
            `  -d ${shellWord(JSON.stringify({ arguments: {}, environmentId: environment }))}`,
          ].join('\n'),
        },
      ],
    },
  ];
}

export function workerSnippets({ url, token, environment }: WorkerValues): Snippet[] {
  const settings = { name: 'Terminal', text: `export PLATOS_URL=${shellWord(withEnvironment(url, environment))}\nexport PLATOS_SECRET=${shellWord(token)}` };
  return [
    {
      id: 'rust',
      title: 'Rust',
      lead: 'Depend on platools, and on tokio with its features macros and rt-multi-thread. The worker dials out, so it needs no open port.',
      files: [
        settings,
        {
          name: 'src/main.rs',
          text: [
            'use platools::{Platools, tool, tools};',
            '',
            '/// Add two numbers.',
            '#[tool]',
            'async fn add(a: i64, b: i64) -> i64 {',
            '    a + b',
            '}',
            '',
            '#[tokio::main]',
            'async fn main() -> Result<(), platools::Error> {',
            '    Platools::from_env()?.tools(tools![add]).connect().await',
            '}',
          ].join('\n'),
        },
      ],
    },
    {
      id: 'python',
      title: 'Python',
      lead: 'The SDK is the package platools of PyPI.',
      files: [
        { name: settings.name, text: `pip install platools\n${settings.text}` },
        {
          name: 'worker.py',
          text: [
            'import asyncio',
            '',
            'from platools import Platools',
            '',
            'platools = Platools()',
            '',
            '',
            '@platools.tool()',
            'def add(a: int, b: int) -> int:',
            '    """Add two numbers."""',
            '    return a + b',
            '',
            '',
            'asyncio.run(platools.connect())',
          ].join('\n'),
        },
      ],
    },
    {
      id: 'typescript',
      title: 'TypeScript',
      lead: 'npm has no SDK yet. These lines speak the protocol themselves, over the package ws.',
      files: [
        { name: settings.name, text: `npm install ws\n${settings.text}` },
        { name: 'worker.ts', text: TYPESCRIPT_WORKER },
      ],
    },
  ];
}

const TYPESCRIPT_WORKER = `import WebSocket from 'ws';

const schema = {
  type: 'object',
  properties: { a: { type: 'number' }, b: { type: 'number' } },
  required: ['a', 'b'],
};
const tool = {
  name: 'add', description: 'Add two numbers.', input_schema: schema,
  output_schema: { type: 'number' }, auth: 'none', roles: [], annotations: {},
};

function connect(): void {
  const url = new URL(process.env.PLATOS_URL!.replace(/^http/, 'ws'));
  url.pathname = url.pathname.replace(/\\/+$/, '') + '/ws/sdk';
  const socket = new WebSocket(url, { headers: { Authorization: 'Bearer ' + process.env.PLATOS_SECRET } });
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  const beat = setInterval(() => socket.readyState === WebSocket.OPEN && send({ type: 'heartbeat', tools_health: {} }), 30_000);
  socket.on('open', () => send({ type: 'tool_register', tools: [tool] }));
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data));
    if (frame.type !== 'tool_call') return;
    const { a, b } = frame.params;
    send({ type: 'tool_result', call_id: frame.call_id, result: a + b, latency_ms: 0 });
  });
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', () => {
    clearInterval(beat);
    setTimeout(connect, 1000 + 1000 * Math.random());
  });
}

connect();`;
