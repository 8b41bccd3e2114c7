// Table: rows of one height, of which only those in sight are in the document, so that 10,000 rows cost what 40 do.

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface Column<T> {
  id: string;
  title: string;
  /** A width of a CSS grid in `rem`, such as `8rem` or `minmax(12rem, 2fr)`. */
  width: string;
  cell: (row: T) => ComponentChildren;
  align?: 'end';
  /** The value that sorts the rows. Columns without one do not sort. */
  sort?: (row: T) => string | number;
  /** True for a column that a narrow window leaves out. */
  wideOnly?: boolean;
}

export interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T) => string;
  /** The height of a row in pixels. */
  rowHeight?: number;
  /** The sort at first: the id of a column, with `-` before it for the highest first. Without it the rows keep their order. */
  sort?: string;
  isSelected?: (row: T) => boolean;
  empty?: ComponentChildren;
  /** Called when the last rows come in sight. */
  onEnd?: () => void;
  /** The most room that the table takes, as a CSS length. */
  height?: string;
  /** What stands below the rows, such as the number of them. */
  note?: ComponentChildren;
}

const HEAD = 34;
const OVERSCAN = 8;

export function Table<T>({ label, columns, rows, keyOf, rowHeight = 38, sort: firstSort = '', isSelected, empty, onEnd, height, note }: TableProps<T>) {
  const element = useRef<HTMLDivElement>(null);
  const [sort, setSort] = useState(firstSort);
  const [view, setView] = useState({ top: 0, height: 800, isNarrow: false });
  const shown = view.isNarrow ? columns.filter((column) => !column.wideOnly) : columns;
  const sorted = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort]);

  useLayoutEffect(() => {
    const table = element.current;
    if (!table) return undefined;
    const measure = () => setView({ top: table.scrollTop, height: table.clientHeight, isNarrow: table.clientWidth < 720 });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(table);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const table = element.current;
    if (!table) return;
    setView((old) => (Math.abs(old.top - table.scrollTop) < rowHeight && table.scrollTop > 0 ? old : { ...old, top: table.scrollTop }));
    if (onEnd && table.scrollTop + table.clientHeight > HEAD + (rows.length - OVERSCAN) * rowHeight) onEnd();
  };

  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(sorted.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  const grid = { '--columns': shown.map((column) => column.width).join(' '), ...(height === undefined ? {} : { '--table-height': height }) };

  return (
    <div class="table" role="region" aria-label={label} tabIndex={0} ref={element} style={grid} onScroll={onScroll}>
      <div role="table" aria-label={label} aria-rowcount={sorted.length + 1} style={{ minWidth: leastWidth(shown) }}>
        <div class="table-head" role="row" aria-rowindex={1}>
          {shown.map((column) => (
            <Head key={column.id} column={column} sort={sort} onSort={setSort} />
          ))}
        </div>
        {sorted.length > 0 && (
          <div class="table-body" role="rowgroup" style={{ height: `${sorted.length * rowHeight}px` }}>
            {sorted.slice(first, last).map((row, index) => (
              <div
                class="table-row"
                role="row"
                key={keyOf(row)}
                aria-rowindex={first + index + 2}
                data-is-selected={isSelected?.(row)}
                style={{ transform: `translateY(${(first + index) * rowHeight}px)`, height: `${rowHeight}px` }}
              >
                {shown.map((column) => (
                  <div class="table-cell" role="cell" key={column.id} data-align={column.align}>
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            ))}
          </div>
        )}
      </div>
      {sorted.length === 0 && empty}
      {note !== undefined && <div class="table-note">{note}</div>}
    </div>
  );
}

/** The room that the columns need at least. Rows are grids of their own, so that it cannot come from their content. */
export function leastWidth(columns: { width: string }[]): string {
  const tracks = columns.map(({ width }) => Number(/([\d.]+)rem/.exec(width)?.[1] ?? 0));
  const gaps = columns.length + 1;
  return `${tracks.reduce((sum, track) => sum + track, gaps)}rem`;
}

function Head<T>({ column, sort, onSort }: { column: Column<T>; sort: string; onSort: (sort: string) => void }) {
  const direction = sort === column.id ? 'ascending' : sort === `-${column.id}` ? 'descending' : 'none';
  return (
    <div class="table-cell" role="columnheader" data-align={column.align} aria-sort={column.sort ? direction : undefined}>
      {column.sort ? (
        <button type="button" class="button button-plain" onClick={() => onSort(direction === 'ascending' ? `-${column.id}` : column.id)}>
          {column.title}
          {direction !== 'none' && <span aria-hidden="true">{direction === 'ascending' ? '↑' : '↓'}</span>}
        </button>
      ) : (
        column.title || <span class="visually-hidden">Actions</span>
      )}
    </div>
  );
}

function sortRows<T>(rows: T[], columns: Column<T>[], sort: string): T[] {
  const isDescending = sort.startsWith('-');
  const value = columns.find((column) => column.id === sort.replace(/^-/, ''))?.sort;
  if (!value) return rows;
  const keyed = rows.map((row) => ({ row, key: value(row) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) * (isDescending ? -1 : 1));
  return keyed.map(({ row }) => row);
}
