import { expect, test } from 'vitest';

import { clientSnippets, workerSnippets } from './snippets';

const values = { url: 'https://gateway.example.com', token: 'a.b.c', environment: 'staging', agent: 'main' };
const textOf = (id: string) => [...clientSnippets(values), ...workerSnippets(values)].find((snippet) => snippet.id === id)?.files.map(({ text }) => text) ?? [];

test('every client and worker has a block, and every block a text', () => {
  expect(clientSnippets(values).map(({ id }) => id)).toEqual(['claude-code', 'claude-desktop', 'cursor', 'vscode', 'openai', 'curl']);
  expect(workerSnippets(values).map(({ id }) => id)).toEqual(['rust', 'python', 'typescript']);
  for (const { files } of [...clientSnippets(values), ...workerSnippets(values)]) for (const { text } of files) expect(text).not.toBe('');
});

test('each block has the address and the token', () => {
  for (const { id, files } of [...clientSnippets(values), ...workerSnippets(values)]) {
    const text = files.map((file) => file.text).join('\n');
    expect(text, id).toContain('https://gateway.example.com');
    expect(text, id).toContain('a.b.c');
  }
});

test('configuration files are JSON, and the one of VS Code has no token', () => {
  for (const id of ['claude-desktop', 'cursor', 'vscode']) expect(() => JSON.parse(textOf(id)[0] ?? ''), id).not.toThrow();
  expect(textOf('vscode')[0]).not.toContain('a.b.c');
  expect(textOf('vscode')[1]).toBe('a.b.c');
});

test('the environment is named, unless it is the default', () => {
  expect(textOf('claude-code')[0]).toContain("'https://gateway.example.com/mcp?env=staging'");
  expect(textOf('rust')[0]).toContain("export PLATOS_URL='https://gateway.example.com?env=staging'");
  const [first] = clientSnippets({ ...values, environment: 'development' });
  expect(first?.files[0]?.text).toContain('https://gateway.example.com/mcp --header');
});
