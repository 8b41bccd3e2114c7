import { describe, expect, it } from 'vitest';

import type { Tool, Worker } from '../api/types';
import { troublesOf } from './overview';

const tool = (name: string, rest: Partial<Tool>): Tool => ({ name, entity: 'shop', environment: 'development', online: true, enabled: true, health: null, ...rest }) as Tool;
const worker = (takeovers: number): Worker => ({ connectionId: `w${takeovers}`, entity: 'shop', takeovers }) as Worker;
const health = (status: 'down' | 'degraded' | 'healthy') => ({ health: { status, since: '2026-01-01T00:00:00Z' } });

describe('what needs attention', () => {
  it('is nothing where all is well', () => {
    expect(troublesOf([worker(2)], [tool('a', health('healthy')), tool('off', { online: false, enabled: false })])).toEqual([]);
  });

  it('has tools that are down first', () => {
    const troubles = troublesOf([worker(5)], [tool('slow', health('degraded')), tool('away', { online: false }), tool('dead', health('down'))]);
    expect(troubles.map(({ text, tone }) => [text, tone])).toEqual([
      ['dead', 'bad'],
      ['slow', 'warn'],
      ['away', 'warn'],
      ['shop', 'warn'],
    ]);
  });
});
