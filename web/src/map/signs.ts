/** The names beside aircraft: only those in sight, and not more than can be read. */

import type { Feature } from "geojson";
import { feature } from "./features";
import { type Place, placeAt } from "./reckoning";
import type { DrawnFlight } from "./traffic";

const FROM_ZOOM = 4;
const MOST = 300;

export type Sight = {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
};

export function signFeatures(
  drawn: readonly DrawnFlight[],
  zoom: number,
  sight: Sight,
  time: number,
  selected: string | null,
): Feature[] {
  const found: Feature[] = [];
  for (const one of drawn) {
    const { flight } = one;
    const isSelected = flight.flight_id === selected;
    if (zoom < FROM_ZOOM && !isSelected) continue;
    const [longitude, latitude] = degrees(placeAt(one.motion, time));
    if (!isIn(sight, longitude, latitude)) continue;
    const properties = { text: flight.callsign, order: isSelected ? 0 : orderOf(one) };
    found.push(feature({ type: "Point", coordinates: [longitude, latitude] }, properties));
    if (found.length >= MOST) break;
  }
  return found;
}

/** Who flies is named before who stands. */
function orderOf({ sprite, alpha }: DrawnFlight): number {
  return (sprite === "ground" ? 2 : 1) + (alpha < 1 ? 2 : 0);
}

function isIn({ west, south, east, north }: Sight, longitude: number, latitude: number): boolean {
  const turned = longitude < west ? longitude + 360 : longitude;
  return latitude >= south && latitude <= north && turned >= west && turned <= east;
}

export function degrees({ x, y }: Place): readonly [longitude: number, latitude: number] {
  const latitude = (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
  return [x * 360 - 180, latitude];
}
