/** Colours of aircraft that people with any kind of colour vision can tell apart. */

import type { Flight, Phase } from "../api/types";

export type Colour = readonly [red: number, green: number, blue: number];
export type ColourBy = "height" | "phase";
export type Theme = "light" | "dark";

// The steps of cividis (Nuñez, Anderton and Renslow 2018), which grows lighter evenly. On a dark map
// the low end would vanish and on a light one the high end, so each theme leaves its own out.
const CIVIDIS: readonly Colour[] = [
  [0, 34, 78],
  [35, 62, 108],
  [87, 93, 109],
  [124, 123, 120],
  [165, 156, 116],
  [211, 193, 100],
  [254, 232, 56],
];
const SHOWN: Record<Theme, readonly [from: number, to: number]> = {
  light: [0, 0.72],
  dark: [0.42, 1],
};
const HIGHEST_FT = 41_000;

// Okabe and Ito's palette (2008), the dark variants for the light map.
const PHASES: Record<Theme, Record<Phase, Colour>> = {
  light: {
    connected: [90, 90, 90],
    taxi_out: [120, 94, 0],
    climb: [0, 95, 150],
    cruise: [40, 40, 40],
    descent: [170, 66, 0],
    taxi_in: [120, 50, 90],
    parked: [110, 110, 110],
  },
  dark: {
    connected: [170, 170, 170],
    taxi_out: [240, 228, 66],
    climb: [86, 180, 233],
    cruise: [235, 235, 235],
    descent: [230, 159, 0],
    taxi_in: [204, 121, 167],
    parked: [150, 150, 150],
  },
};

export function byHeight(feet: number | null, theme: Theme): Colour {
  const part = Math.min(Math.max((feet ?? 0) / HIGHEST_FT, 0), 1);
  const [from, to] = SHOWN[theme];
  return between(CIVIDIS, from + (to - from) * part);
}

export function byPhase(phase: Phase | null, theme: Theme): Colour {
  return PHASES[theme][phase ?? "connected"];
}

export function colourOf(flight: Flight, by: ColourBy, theme: Theme): Colour {
  return by === "height" ? byHeight(flight.altitude, theme) : byPhase(flight.phase, theme);
}

export function css([red, green, blue]: Colour): string {
  return `rgb(${red} ${green} ${blue})`;
}

function between(steps: readonly Colour[], part: number): Colour {
  const at = part * (steps.length - 1);
  const index = Math.min(Math.floor(at), steps.length - 2);
  const [low, high] = [steps[index], steps[index + 1]];
  if (low === undefined || high === undefined) throw new RangeError(`no step at ${part}`);
  const mix = (one: number, other: number) => Math.round(one + (other - one) * (at - index));
  return [mix(low[0], high[0]), mix(low[1], high[1]), mix(low[2], high[2])];
}
