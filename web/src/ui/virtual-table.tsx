/** A table of any length: only the rows in sight are made. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export type Column<T> = {
  readonly name: string;
  readonly cell: (one: T) => ComponentChildren;
  /** What rows are put in order by. */
  readonly order: (one: T) => string | number | null;
  readonly isNumber?: boolean;
};

type TableProps<T> = {
  readonly title: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  /** What it is put in order by at first. */
  readonly first?: { readonly column: number; readonly isDown: boolean };
  readonly id: (one: T) => string;
  readonly open: (one: T) => void;
};

const ROW_PX = 32;
// Rows that are made beyond what is in sight, so that scrolling shows no hole.
const MORE = 12;

export function VirtualTable<T>({ title, rows, columns, first: begin, id, open }: TableProps<T>) {
  const top = useSignal(0);
  const height = useSignal(600);
  const sortedBy = useSignal(begin?.column ?? 0);
  const isDown = useSignal(begin?.isDown ?? false);
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const column = columns[sortedBy.value];
  const sorted = column ? inOrder(rows, column.order, isDown.value) : rows;
  const first = Math.max(0, Math.floor(top.value / ROW_PX) - MORE);
  const last = Math.min(sorted.length, Math.ceil((top.value + height.value) / ROW_PX) + MORE);
  const sort = (index: number) => {
    if (sortedBy.value === index) isDown.value = !isDown.value;
    else [sortedBy.value, isDown.value] = [index, false];
  };
  return (
    <section
      class="virtual"
      aria-label={title}
      ref={place}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no pointer scrolls it by keys
      tabIndex={0}
      onScroll={(event) => {
        top.value = event.currentTarget.scrollTop;
      }}
    >
      <table aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((one, index) => (
              <th
                scope="col"
                key={one.name}
                aria-sort={sortOf(index === sortedBy.value, isDown.value)}
                class={one.isNumber ? "number" : undefined}
              >
                <button type="button" onClick={() => sort(index)}>
                  {one.name}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} />
          {sorted.slice(first, last).map((one, index) => (
            <tr key={id(one)} aria-rowindex={first + index + 2}>
              {columns.map((each, at) => (
                <td key={each.name} class={each.isNumber ? "number" : undefined}>
                  {at === 0 ? (
                    <button type="button" class="to" onClick={() => open(one)}>
                      {each.cell(one)}
                    </button>
                  ) : (
                    each.cell(one)
                  )}
                </td>
              ))}
            </tr>
          ))}
          <Space rows={sorted.length - last} />
        </tbody>
      </table>
    </section>
  );
}

function Space({ rows }: { rows: number }) {
  return rows > 0 ? <tr class="space" style={{ height: `${rows * ROW_PX}px` }} /> : null;
}

function sortOf(isSorted: boolean, isDown: boolean): "ascending" | "descending" | "none" {
  if (!isSorted) return "none";
  return isDown ? "descending" : "ascending";
}

/** What is not known comes last either way. */
export function inOrder<T>(
  rows: readonly T[],
  order: (one: T) => string | number | null,
  isDown: boolean,
): readonly T[] {
  const direction = isDown ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [order(one), order(other)];
    if (a === b) return 0;
    if (a === null || a === "") return 1;
    if (b === null || b === "") return -1;
    return a < b ? -direction : direction;
  });
}
