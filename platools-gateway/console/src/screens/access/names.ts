// CredentialNames: the names of keys and tokens by their ids, for lists of what was done with them. Only admins may read them.

import { all } from '../../api/rest';
import { useResource } from '../../live/resource';
import { useIs } from '../../session';
import type { Key, Token } from './types';

export type CredentialNames = ReadonlyMap<string, string>;

const NONE: CredentialNames = new Map();

export function useCredentialNames(): CredentialNames {
  const isAdmin = useIs('admin');
  const names = useResource(isAdmin ? 'names of credentials' : null, async (signal) => {
    const [keys, tokens] = await Promise.all([all<Key>('/v1/keys', {}, { signal }), all<Token>('/v1/tokens', {}, { signal })]);
    return new Map([...keys, ...tokens].flatMap(({ id, name }): [string, string][] => (name === null ? [] : [[id, name]])));
  });
  return names.data ?? NONE;
}
