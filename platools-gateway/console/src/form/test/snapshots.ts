// Schemas in the snapshots of the Rust tests.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Json } from '../../json';

/** The input and output schemas of the snapshots in a folder. */
export function snapshots(folder: string): { name: string; schema: object; values: Json[] }[] {
  return readdirSync(folder)
    .filter((file) => file.includes('schema') && file.endsWith('.snap'))
    .flatMap((file) => {
      const [, , body = ''] = readFileSync(join(folder, file), 'utf8').split(/^---$/m);
      const { input, output } = JSON.parse(body) as { input: object; output?: object | null };
      const name = file.replace(/^.*__|\.snap$/g, '');
      const result = typeof output === 'object' && output !== null ? [{ name: `${name}, output`, schema: output, values: [] }] : [];
      return [{ name: `${name}, input`, schema: input, values: [] }, ...result];
    });
}
