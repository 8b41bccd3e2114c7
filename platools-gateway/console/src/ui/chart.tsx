// Charts: lines over time as SVG. A sentence beside the drawing says what it shows.

import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { clockTime } from './format';

export interface Series {
  name: string;
  values: (number | null)[];
  tone?: 'bad' | 'good' | 'second';
  /** True to fill the room below the line. */
  filled?: boolean;
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A small line without axes. */
export function Sparkline({ values, label, tone, top }: { values: (number | null)[]; label: string; tone?: Series['tone']; top?: number }) {
  const box = { left: 1, top: 2, width: 98, height: 24 };
  const highest = top ?? Math.max(1, ...values.map((value) => value ?? 0));
  return (
    <svg class="sparkline" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="chart-area" data-tone={tone} d={area(values, highest, box)} />
      <path class="chart-line" data-tone={tone} d={line(values, highest, box)} />
    </svg>
  );
}

export interface ChartProps {
  /** What the chart shows, as a sentence with its latest values. */
  label: string;
  series: Series[];
  /** The times of the first and the last value, in milliseconds since 1970. */
  from: number;
  to: number;
  format: (value: number) => string;
}

const HEIGHT = 190;

/** Lines with a scale and times below. */
export function Chart({ label, series, from, to, format }: ChartProps) {
  const id = useId();
  const [element, width] = useWidth();
  const box: Box = { left: 52, top: 10, width: Math.max(1, width - 60), height: HEIGHT - 36 };
  const highest = niceTop(Math.max(0, ...series.flatMap((one) => one.values.map((value) => value ?? 0))));
  const marks = [0, 0.5, 1];
  return (
    <div class="stack">
      <svg class="chart" ref={element} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-labelledby={id}>
        <title id={id}>{label}</title>
        {marks.map((mark) => {
          const y = box.top + box.height * (1 - mark);
          return (
            <g key={mark}>
              <line class="chart-grid" x1={box.left} x2={box.left + box.width} y1={y} y2={y} />
              <text class="chart-label" x={box.left - 8} y={y + 4} text-anchor="end">
                {format(highest * mark)}
              </text>
            </g>
          );
        })}
        {[0, 0.5, 1].map((mark) => (
          <text class="chart-label" key={mark} x={box.left + box.width * mark} y={HEIGHT - 6} text-anchor={mark === 0 ? 'start' : mark === 1 ? 'end' : 'middle'}>
            {clockTime(from + (to - from) * mark)}
          </text>
        ))}
        {series.map((one) => (
          <g key={one.name}>
            {one.filled && <path class="chart-area" data-tone={one.tone} d={area(one.values, highest, box)} />}
            <path class="chart-line" data-tone={one.tone} d={line(one.values, highest, box)} />
          </g>
        ))}
      </svg>
      {series.length > 1 && (
        <div class="legend" aria-hidden="true">
          {series.map((one) => (
            <span key={one.name}>
              <i data-tone={one.tone} />
              {one.name}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

/** The next of 1, 2, 5, 10, 20, … so that the marks have short numbers. */
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

/** The width that an element is drawn in. A drawing of that width needs no scaling, so that its texts keep their size. */
function useWidth() {
  const element = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(640);
  useLayoutEffect(() => {
    const drawing = element.current;
    if (!drawing) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.round(drawing.getBoundingClientRect().width) || 640));
    observer.observe(drawing);
    return () => observer.disconnect();
  }, []);
  return [element, width] as const;
}

function points(values: (number | null)[], highest: number, box: Box): [number, number][][] {
  const runs: [number, number][][] = [];
  let run: [number, number][] = [];
  const step = values.length > 1 ? box.width / (values.length - 1) : 0;
  for (const [index, value] of values.entries()) {
    if (value === null) {
      if (run.length > 0) runs.push(run);
      run = [];
    } else run.push([box.left + index * step, box.top + box.height * (1 - Math.min(1, value / highest))]);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

const pair = ([x, y]: [number, number]): string => `${Number(x.toFixed(2))} ${Number(y.toFixed(2))}`;

/** A gap where a value is null. A value between two gaps is a short dash. */
export function line(values: (number | null)[], highest: number, box: Box): string {
  return points(values, highest, box)
    .map((run) => (run.length === 1 ? `M${pair(run[0]!)}h0.01` : `M${run.map(pair).join('L')}`))
    .join('');
}

function area(values: (number | null)[], highest: number, box: Box): string {
  const bottom = box.top + box.height;
  return points(values, highest, box)
    .map((run) => `M${Number(run[0]![0].toFixed(2))} ${bottom}L${run.map(pair).join('L')}V${bottom}Z`)
    .join('');
}
