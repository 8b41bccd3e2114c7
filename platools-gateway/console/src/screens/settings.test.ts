import { expect, it } from 'vitest';

import type { Setting } from '../api/types';
import { readable } from './settings';

it('descriptions lose their links and their code marks', () => {
  const setting = { description: 'File of the keys. See [keys that `sign` tokens](gateway.md#keys-that-sign-tokens), and [limits](a.md).' } as Setting;
  expect(readable(setting).description).toBe('File of the keys. See keys that sign tokens, and limits.');
});
