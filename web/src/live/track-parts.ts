/** The points of a track, in parts without gaps. */

import type { TrackPoint } from "../api/types";

export type Parts = readonly (readonly TrackPoint[])[];

// A longer silence is a gap: nobody knows where it flew.
const GAP_S = 90;

/** The points between two gaps together. */
export function parts(points: readonly TrackPoint[]): Parts {
  const found: TrackPoint[][] = [];
  let before: TrackPoint | null = null;
  for (const point of points) {
    const last = found.at(-1);
    if (last && before && !isGap(before, point)) last.push(point);
    else found.push([point]);
    before = point;
  }
  return found;
}

/** With one more point, unless it is not later than all that are there. */
export function extended(before: Parts, point: TrackPoint): Parts {
  const part = before.at(-1);
  const last = part?.at(-1);
  if (!part || !last) return [[point]];
  if (Date.parse(point.time) <= Date.parse(last.time)) return before;
  return isGap(last, point) ? [...before, [point]] : [...before.slice(0, -1), [...part, point]];
}

function isGap(before: TrackPoint, after: TrackPoint): boolean {
  return Date.parse(after.time) - Date.parse(before.time) > GAP_S * 1000;
}
