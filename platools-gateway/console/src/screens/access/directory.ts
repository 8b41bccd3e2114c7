// Directory: the lists of the project that the screens of access need together.

import { all, get } from '../../api/rest';
import type { Agent, Entity, Environment, Tool, Worker } from '../../api/types';
import { useResource, type Resource } from '../../live/resource';
import type { Key, Token } from './types';

export const useKeys = (): Resource<Key[]> => useResource('keys', (signal) => all<Key>('/v1/keys', {}, { signal }));
export const useTokens = (): Resource<Token[]> => useResource('tokens', (signal) => all<Token>('/v1/tokens', {}, { signal }));
export const useEntities = (): Resource<Entity[]> => useResource('entities', (signal) => all<Entity>('/v1/entities', {}, { signal }));
export const useAgents = (): Resource<Agent[]> => useResource('agents', (signal) => all<Agent>('/v1/agents', {}, { signal }));
export const useEnvironmentList = (): Resource<Environment[]> => useResource('environment list', (signal) => all<Environment>('/v1/environments', {}, { signal }));

export interface InstallationUse {
  workers: Worker[];
  tools: Tool[];
}

/** The workers and tools, of which a deletion names its own. */
export const useUse = (): Resource<InstallationUse> =>
  useResource('use', async (signal) => {
    const [workers, { tools }] = await Promise.all([all<Worker>('/v1/workers', {}, { signal }), get<{ tools: Tool[] }>('/v1/tools', { schemas: 0 }, signal)]);
    return { workers, tools };
  });
