/** How often the map must be drawn so that nothing is seen to jump. */

import { pixelsPerSecond } from "./reckoning";

// Less is not seen.
const STEP_PX = 0.25;
const FASTEST_KT = 600;
const MOST_MS = 2_000;
const LEAST_MS = 33;

/** Milliseconds from one frame to the next, by the fastest aircraft that may be seen. */
export function framePause(zoom: number, latitude: number): number {
  const ms = (STEP_PX / pixelsPerSecond(FASTEST_KT, zoom, latitude)) * 1000;
  return Math.min(MOST_MS, Math.max(LEAST_MS, ms));
}
