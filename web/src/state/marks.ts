/** Who is marked with a colour, as the address says it. */

import { computed } from "@preact/signals";
import type { Colour } from "../map/colours";
import { type Filter, FilterFault, read } from "../query/filters";
import type { Marked } from "./address";
import { marked, theme } from "./page";

// Okabe and Ito's palette (2008): told apart with any kind of colour vision. Each has its darker
// neighbour for a light map.
const COLOURS = {
  dark: [
    [230, 159, 0],
    [86, 180, 233],
    [0, 190, 140],
    [240, 228, 66],
    [222, 130, 180],
    [255, 120, 60],
  ],
  light: [
    [176, 110, 0],
    [0, 105, 175],
    [0, 120, 85],
    [125, 110, 0],
    [165, 60, 120],
    [190, 70, 0],
  ],
} as const satisfies Record<string, readonly Colour[]>;

export const MARK_COUNT = COLOURS.dark.length;

export type Mark = Marked & {
  readonly rgb: Colour;
  readonly filter: Filter;
  /** Why the text cannot be read; then it marks nobody. */
  readonly fault: string;
};

export const marks = computed(() => {
  const palette = COLOURS[theme.value];
  return marked.value.map((one): Mark => {
    const rgb = palette[one.colour % palette.length] ?? palette[0];
    try {
      return { ...one, rgb, filter: read(one.text), fault: "" };
    } catch (error) {
      if (!(error instanceof FilterFault)) throw error;
      return { ...one, rgb, filter: () => false, fault: error.message };
    }
  });
});
