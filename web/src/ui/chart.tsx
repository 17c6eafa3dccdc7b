/** A chart over time, and the same as a table: a picture tells nothing to who does not see it. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../state/page";
import "uplot/dist/uPlot.min.css";

export type Line = {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly (number | null)[];
};

type ChartProps = {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
};

const HEIGHT = 180;
const INKS = {
  light: { lines: ["#00528f", "#a14a00", "#5a2d82"], axis: "#4a5157", grid: "#d8dce0" },
  dark: { lines: ["#67b7ff", "#ffb068", "#c9a2ee"], axis: "#aab4bd", grid: "#2c353d" },
} as const;
// A table of thousands of rows is read by nobody.
const MOST_ROWS = 60;

export function Chart({ title, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const shown = theme.value;
  const isEmpty = times.length === 0;
  const names = lines.map((one) => `${one.name} (${one.unit})`).join("\n");
  // Other values are drawn below, in the same plot.
  useEffect(() => {
    const element = place.current;
    if (!element || isEmpty) return;
    const plot = new uPlot(options(element.clientWidth, lines, shown), data(times, lines), element);
    drawn.current = plot;
    const watch = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      drawn.current = null;
      plot.destroy();
    };
  }, [names, shown, isEmpty]);
  useEffect(() => drawn.current?.setData(data(times, lines)), [times, lines]);
  if (isEmpty) return <p>Nothing yet.</p>;
  return (
    <figure class="chart">
      <div
        ref={place}
        role="img"
        aria-label={`${title}, as a chart; the table below has the same`}
      />
      <details>
        <summary>{title} as a table</summary>
        <Table times={times} lines={lines} />
      </details>
    </figure>
  );
}

function Table({ times, lines }: Omit<ChartProps, "title">) {
  const step = Math.ceil(times.length / MOST_ROWS);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">UTC</th>
          {lines.map((one) => (
            <th scope="col" key={one.name}>
              {one.name} ({one.unit})
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {times.map((time, index) =>
          index % step === 0 ? (
            <tr key={time}>
              <th scope="row">{clockOf(time)}</th>
              {lines.map((one) => (
                <td key={one.name}>{one.values[index] ?? "–"}</td>
              ))}
            </tr>
          ) : null,
        )}
      </tbody>
    </table>
  );
}

/** "14:05:00" in UTC; without the seconds where steps are whole minutes. */
function clockOf(seconds: number, step = 1): string {
  return new Date(seconds * 1000).toISOString().slice(11, step % 60 === 0 ? 16 : 19);
}

function data(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map((one) => [...one.values])];
}

function options(width: number, lines: readonly Line[], shown: "light" | "dark"): uPlot.Options {
  const { lines: inks, axis, grid } = INKS[shown];
  const look = {
    stroke: axis,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1 },
  };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    legend: { live: true },
    scales: { x: { time: true } },
    series: [
      { label: "UTC", value: (_, time) => (time === null ? "–" : clockOf(time)) },
      ...lines.map((one, index) => ({
        label: `${one.name} (${one.unit})`,
        scale: one.unit,
        stroke: inks[index % inks.length] ?? axis,
        width: 1.5,
        points: { show: false },
      })),
    ],
    axes: [
      { ...look, values: (_, times, _at, _space, step) => times.map((one) => clockOf(one, step)) },
      ...[...new Set(lines.map((one) => one.unit))].map((unit, index) => ({
        ...look,
        scale: unit,
        side: (index === 0 ? 3 : 1) as 1 | 3,
        size: 64,
      })),
    ],
  };
}
