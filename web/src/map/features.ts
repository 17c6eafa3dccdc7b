/** Stations, areas, names and lines as GeoJSON for the map. */

import type { Feature, FeatureCollection, Geometry, Position } from "geojson";
import type { Atis, Controller, Flight } from "../api/types";
import type { Parts } from "../live/track-parts";
import type { Selected } from "../state/address";
import { byHeight, css, type Theme } from "./colours";
import { circle, greatCircle, type Point, unrolled } from "./lines";

// VATSIM's numbers of facilities, of `/api/network`.
export const FACILITY = { observer: 0, fss: 1, del: 2, gnd: 3, twr: 4, app: 5, ctr: 6 } as const;

const LETTERS: Record<number, string> = { 2: "D", 3: "G", 4: "T", 5: "A" };
const UNKNOWN_RANGE_NM = 50;
// Finer steps of a track's colours are not told apart.
const TRACK_STEP_FT = 1000;

export function collection(features: Feature[]): FeatureCollection {
  return { type: "FeatureCollection", features };
}

export function feature(geometry: Geometry, properties: Record<string, unknown>): Feature {
  return { type: "Feature", geometry, properties };
}

export function line(points: readonly Point[], properties: Record<string, unknown> = {}): Feature {
  return feature({ type: "LineString", coordinates: points.map((each) => [...each]) }, properties);
}

/** The place in a callsign: the airport or the centre. */
export function placeIn(callsign: string): string {
  return callsign.split("_", 1)[0] ?? callsign;
}

/** Where somebody works, or an ATIS speaks: "EDDF" and below it which (D G T A, and i for ATIS). */
export function stationFeatures(stations: readonly Controller[], atis: readonly Atis[]): Feature[] {
  const places = new Map<string, { at: Point; letters: Set<string> }>();
  for (const one of stations) {
    const letter = LETTERS[one.facility ?? 0];
    if (one.state !== "controlling" || !letter) continue;
    if (one.latitude === null || one.longitude === null) continue;
    const place = placeIn(one.callsign);
    const found = places.get(place) ?? { at: [one.longitude, one.latitude], letters: new Set() };
    places.set(place, found);
    found.letters.add(letter);
  }
  for (const one of atis) if (!one.stale) places.get(placeIn(one.callsign))?.letters.add("i");
  return [...places].map(([name, { at, letters }]) => {
    const text = `${name}\n${["D", "G", "T", "A", "i"].filter((one) => letters.has(one)).join(" ")}`;
    const properties = { kind: "airport", name, text, order: -letters.size };
    return feature({ type: "Point", coordinates: [...at] }, properties);
  });
}

/**
 * FIRs, with whether somebody works each of them, and above them approach units that are worked;
 * `chosen` are those of the FIR or station that is selected.
 */
export function areaFeatures(
  firs: readonly Feature[],
  approaches: readonly Feature[],
  stations: readonly Controller[],
  selected: Selected | null,
): Feature[] {
  const chosen = chosenAreas(stations, selected);
  const workers = new Map<string, string>();
  for (const { state, position, callsign } of stations) {
    if (state !== "controlling") continue;
    for (const area of position.areas) workers.set(area, workers.get(area) ?? callsign);
  }
  const worked = approaches.flatMap((one) => {
    const name = workers.get(idOf(one));
    if (!name) return [];
    const isChosen = chosen.has(idOf(one));
    return [feature(one.geometry, { kind: "station", name, staffed: true, chosen: isChosen })];
  });
  const all = firs.map((one) => {
    const name = idOf(one);
    const properties = { kind: "fir", name, staffed: workers.has(name), chosen: chosen.has(name) };
    return feature(one.geometry, properties);
  });
  return [...all, ...worked];
}

function chosenAreas(
  stations: readonly Controller[],
  selected: Selected | null,
): ReadonlySet<string> {
  if (selected?.kind === "fir") return new Set([selected.name]);
  if (selected?.kind !== "station") return new Set();
  return new Set(stations.find((one) => one.callsign === selected.name)?.position.areas);
}

export function idOf(area: Feature): string {
  return String(area.properties?.["id"] ?? "");
}

/** About the middle of an area: of what surrounds the largest of its parts. */
export function middleOf({ geometry }: Feature): Point | null {
  const rings =
    geometry.type === "Polygon"
      ? geometry.coordinates.slice(0, 1)
      : geometry.type === "MultiPolygon"
        ? geometry.coordinates.map((part) => part[0] ?? [])
        : [];
  const boxes = rings.filter((ring) => ring.length > 0).map(boxOf);
  const [largest] = boxes.sort((one, other) => sizeOf(other) - sizeOf(one));
  if (!largest) return null;
  return [(largest.west + largest.east) / 2, (largest.south + largest.north) / 2];
}

type Box = { west: number; south: number; east: number; north: number };

function boxOf(ring: readonly Position[]): Box {
  const east = ring.map(([longitude]) => longitude ?? 0);
  const north = ring.map(([, latitude]) => latitude ?? 0);
  return {
    west: Math.min(...east),
    south: Math.min(...north),
    east: Math.max(...east),
    north: Math.max(...north),
  };
}

function sizeOf({ west, south, east, north }: Box): number {
  return (east - west) * (north - south);
}

/** Circles for who works an area that nobody knows. */
export function rangeFeatures(
  stations: readonly Controller[],
  known: ReadonlySet<string>,
): Feature[] {
  const shown: number[] = [FACILITY.app, FACILITY.ctr, FACILITY.fss];
  return stations.flatMap((one) => {
    const isKnown = one.position.areas.some((each) => known.has(each));
    const facility = one.facility ?? 0;
    if (one.state !== "controlling" || !shown.includes(facility) || isKnown) return [];
    if (one.latitude === null || one.longitude === null) return [];
    const radius = Math.min(one.visual_range ?? UNKNOWN_RANGE_NM, RANGES[facility] ?? 0);
    const ring = circle([one.longitude, one.latitude], radius).map((each) => [...each]);
    const properties = { kind: "station", name: one.callsign };
    return [feature({ type: "Polygon", coordinates: [ring] }, properties)];
  });
}

// What a client sees is far more than its controller works.
const RANGES: Record<number, number> = { 1: 300, 5: 50, 6: 200 };

/** From a flight to whom it talks to, or from a station to all who talk to it. */
export function contactFeatures(
  flights: readonly Flight[],
  station: (callsign: string) => Controller | null,
  wanted: (flight: Flight, callsign: string) => boolean,
): Feature[] {
  return flights.flatMap((flight) =>
    flight.contacts.flatMap(({ station: callsign }) => {
      const found = wanted(flight, callsign) ? station(callsign) : null;
      if (!found || found.latitude === null || found.longitude === null) return [];
      const from: Point = [flight.longitude, flight.latitude];
      return [line(unrolled([from, [found.longitude, found.latitude]]))];
    }),
  );
}

/** The way that was flown, in the colours of its heights; where it is not known it is not drawn. */
export function trackFeatures(parts: Parts, theme: Theme): Feature[] {
  return parts.flatMap((part) => {
    const points = unrolled(part.map((one) => [one.longitude, one.latitude]));
    return runs(part.map((one) => Math.round((one.altitude ?? 0) / TRACK_STEP_FT))).map(
      ({ from, to, value }) =>
        line(points.slice(from, to + 1), { colour: css(byHeight(value * TRACK_STEP_FT, theme)) }),
    );
  });
}

type Run = { from: number; to: number; value: number };

/** The lines between points, those that begin at the same value together. */
export function runs(values: readonly number[]): Run[] {
  const found: Run[] = [];
  for (const [index, value] of values.slice(0, -1).entries()) {
    const last = found.at(-1);
    if (last?.value === value) last.to = index + 1;
    else found.push({ from: index, to: index + 1, value });
  }
  return found;
}

export function wayFeature(from: Point, to: Point): Feature {
  return line(greatCircle(from, to));
}
