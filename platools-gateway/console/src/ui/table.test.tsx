import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Table, leastWidth, type Column } from './table';

interface Row {
  id: number;
  name: string;
}

const columns: Column<Row>[] = [
  { id: 'id', title: 'Id', width: '4rem', cell: (row) => row.id, sort: (row) => row.id },
  { id: 'name', title: 'Name', width: '1fr', cell: (row) => row.name },
];

const rows: Row[] = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}` }));
let root: HTMLElement;

beforeEach(() => {
  root = document.createElement('div');
  document.body.append(root);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1000);
});

afterEach(() => {
  render(null, root);
  root.remove();
});

const draw = (props: Partial<Parameters<typeof Table<Row>>[0]> = {}) =>
  act(() => render(<Table label="Rows" columns={columns} rows={rows} keyOf={(row) => String(row.id)} {...props} />, root));

const shown = () => [...root.querySelectorAll('.table-row')].map((row) => Number(row.firstElementChild?.textContent));

describe('a table', () => {
  it('has only the rows in sight in the document, and says how many there are', async () => {
    await draw();
    expect(shown()).toEqual(Array.from({ length: 19 }, (_, index) => index));
    expect(root.querySelector('[role=table]')?.getAttribute('aria-rowcount')).toBe('10001');
  });

  it('shows other rows when it is scrolled', async () => {
    await draw();
    const region = root.querySelector('.table');
    if (!region) throw new Error('no table');
    await act(() => {
      region.scrollTop = 38 * 5000;
      region.dispatchEvent(new Event('scroll'));
    });
    expect(shown()).toContain(5000);
    expect(shown().length).toBeLessThan(40);
    expect(root.querySelector('.table-row')?.getAttribute('aria-rowindex')).toBe(String((shown()[0] ?? 0) + 2));
  });

  it('sorts by a heading, and the other way round at the second click', async () => {
    await draw({ rows: [rows[2]!, rows[0]!, rows[1]!] });
    expect(shown()).toEqual([2, 0, 1]);
    const heading = root.querySelector<HTMLButtonElement>('[role=columnheader] button');
    await act(() => heading?.click());
    expect(shown()).toEqual([0, 1, 2]);
    await act(() => heading?.click());
    expect(shown()).toEqual([2, 1, 0]);
    expect(root.querySelector('[role=columnheader]')?.getAttribute('aria-sort')).toBe('descending');
  });

  it('leaves columns out where it is narrow', async () => {
    vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(360);
    await draw({ columns: [columns[0]!, { ...columns[1]!, wideOnly: true }] });
    expect([...root.querySelectorAll('[role=columnheader]')].map((head) => head.textContent?.trim())).toEqual(['Id']);
  });

  it('asks for more when its end comes in sight', async () => {
    const onEnd = vi.fn();
    await draw({ rows: rows.slice(0, 100), onEnd });
    const region = root.querySelector('.table')!;
    await act(() => {
      region.scrollTop = 38 * 50;
      region.dispatchEvent(new Event('scroll'));
    });
    expect(onEnd).not.toHaveBeenCalled();
    await act(() => {
      region.scrollTop = 38 * 85;
      region.dispatchEvent(new Event('scroll'));
    });
    expect(onEnd).toHaveBeenCalled();
  });

  it('needs the least width of its columns, the gaps and the edges', () => {
    expect(leastWidth([{ width: '4.5rem' }, { width: 'minmax(10rem, 1fr)' }, { width: '1fr' }])).toBe('18.5rem');
  });

  it('shows what stands for no rows', async () => {
    await draw({ rows: [], empty: <p>nothing</p> });
    expect(root.textContent).toContain('nothing');
  });
});
