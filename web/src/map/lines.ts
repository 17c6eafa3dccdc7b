/** Lines on a round earth: great circles and circles, cut where the map ends. */

export type Point = readonly [longitude: number, latitude: number];

const RADIAN = Math.PI / 180;
const STEP_DEG = 2;
const CORNERS = 72;
const NM_PER_DEGREE = 60;

/** The shortest way. Its longitudes may go on beyond 180, so that it is one line. */
export function greatCircle(from: Point, to: Point): Point[] {
  const [a, b] = [vector(from), vector(to)];
  const angle = Math.acos(Math.max(-1, Math.min(1, dot(a, b))));
  const steps = Math.max(1, Math.ceil(angle / (STEP_DEG * RADIAN)));
  // Of two opposite points every way is the shortest: take a straight one.
  if (Math.sin(angle) < 1e-9) return unrolled([from, to]);
  const points = Array.from({ length: steps + 1 }, (_, step) => {
    const part = step / steps;
    const [m, n] = [Math.sin((1 - part) * angle), Math.sin(part * angle)];
    return point([m * a[0] + n * b[0], m * a[1] + n * b[1], m * a[2] + n * b[2]]);
  });
  return unrolled(points);
}

/** A circle around a point, as a closed ring. */
export function circle([longitude, latitude]: Point, radiusNm: number): Point[] {
  const far = (radiusNm / NM_PER_DEGREE) * RADIAN;
  const phi = latitude * RADIAN;
  const ring = Array.from({ length: CORNERS + 1 }, (_, corner): Point => {
    const turn = ((corner % CORNERS) / CORNERS) * 2 * Math.PI;
    const sine = Math.sin(phi) * Math.cos(far) + Math.cos(phi) * Math.sin(far) * Math.cos(turn);
    const east = Math.sin(turn) * Math.sin(far) * Math.cos(phi);
    const north = Math.cos(far) - Math.sin(phi) * sine;
    return [longitude + Math.atan2(east, north) / RADIAN, Math.asin(sine) / RADIAN];
  });
  return unrolled(ring);
}

/** The same points, with longitudes that never jump by a whole turn. */
export function unrolled(points: readonly Point[]): Point[] {
  let turns = 0;
  let before: number | null = null;
  return points.map(([longitude, latitude]) => {
    if (before !== null) {
      if (longitude - before > 180) turns -= 360;
      else if (longitude - before < -180) turns += 360;
    }
    before = longitude;
    return [longitude + turns, latitude];
  });
}

type Vector = readonly [x: number, y: number, z: number];

function vector([longitude, latitude]: Point): Vector {
  const [lambda, phi] = [longitude * RADIAN, latitude * RADIAN];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

function point([x, y, z]: Vector): Point {
  return [Math.atan2(y, x) / RADIAN, Math.atan2(z, Math.hypot(x, y)) / RADIAN];
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
