/**
 * Where an aircraft is between two reports: dead reckoning by its reported speed and heading.
 *
 * Places are in web Mercator's unit square, x to the east and y to the south, as MapLibre has them.
 * Times are seconds of one clock.
 */

export type Place = { readonly x: number; readonly y: number };

/** A straight line, from a place at a time on. */
export type Motion = Place & {
  readonly at: number;
  readonly vx: number;
  readonly vy: number;
};

export type Report = {
  readonly longitude: number;
  readonly latitude: number;
  /** Knots over ground; null: not sent. */
  readonly groundspeed: number | null;
  /** Degrees true. */
  readonly heading: number | null;
  /** When it was there. */
  readonly at: number;
};

const RADIAN = Math.PI / 180;
// Web Mercator ends here: there its square is as high as it is wide.
const MOST_LATITUDE = 85.051129;
const NM_AROUND = 21_600;
// A place that differs more from what was expected is a jump: a reconnect, or another position set.
const JUMP_NM = 3;
// Between two snapshots of VATSIM.
export const INTERVAL_S = 15;
// An older report tells nothing of where its aircraft is now.
const OLDEST_S = 60;

export function mercator(longitude: number, latitude: number): Place {
  const phi = Math.max(-MOST_LATITUDE, Math.min(MOST_LATITUDE, latitude)) * RADIAN;
  return {
    x: (longitude + 180) / 360,
    y: (1 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / Math.PI) / 2,
  };
}

/** How many units a nautical mile has at this place. */
export function unitsPerNm(y: number): number {
  // cosh of the Mercator ordinate is the secant of the latitude.
  return Math.cosh(Math.PI * (1 - 2 * y)) / NM_AROUND;
}

export function reported(report: Report): Motion {
  const place = mercator(report.longitude, report.latitude);
  const speed = ((report.groundspeed ?? 0) / 3600) * unitsPerNm(place.y);
  if (report.heading === null || speed === 0) return { ...place, at: report.at, vx: 0, vy: 0 };
  const heading = report.heading * RADIAN;
  const vx = speed * Math.sin(heading);
  const vy = -speed * Math.cos(heading);
  return { ...place, at: report.at, vx, vy };
}

export function placeAt(motion: Motion, time: number): Place {
  const seconds = Math.max(0, time - motion.at);
  return { x: motion.x + motion.vx * seconds, y: motion.y + motion.vy * seconds };
}

/**
 * How to go on from what is shown now, so that at the next report it is where that will say.
 *
 * Nothing flies backwards: who is shown too far ahead waits until the report has caught up. After a
 * jump the new report counts as it is.
 */
export function followed(shown: Motion | null, report: Report, now: number): Motion {
  const next =
    now - report.at > OLDEST_S ? reported({ ...report, groundspeed: 0 }) : reported(report);
  // Who stands is where the report says.
  if (shown === null || (next.vx === 0 && next.vy === 0)) return next;
  const here = placeAt(shown, now);
  const there = placeAt(next, now);
  const jump = JUMP_NM * unitsPerNm(there.y);
  if (Math.hypot(there.x - here.x, there.y - here.y) > jump) return next;
  const goal = placeAt(next, now + INTERVAL_S);
  const [dx, dy] = [goal.x - here.x, goal.y - here.y];
  if (dx * next.vx + dy * next.vy <= 0) return { ...here, at: now, vx: 0, vy: 0 };
  return { ...here, at: now, vx: dx / INTERVAL_S, vy: dy / INTERVAL_S };
}

/** Pixels a second that this speed (knots) is at most, on a map of this zoom. */
export function pixelsPerSecond(knots: number, zoom: number, latitude: number): number {
  const { y } = mercator(0, latitude);
  return (knots / 3600) * unitsPerNm(y) * 512 * 2 ** zoom;
}
