/**
 * The filters of `/api/flights`, for the flights that the page has.
 *
 * They mean what they mean there (docs/api.md, "Filters"); `tests/browser` compares both.
 */

import type { Flight } from "../api/types";

export type Filter = (flight: Flight) => boolean;

type Reader = (value: string) => Filter;

/** What is wrong with a filter, in words for who has typed it. */
export class FilterFault extends Error {}

// The mean radius of the earth (IUGG), as the service has it.
const EARTH_NM = 6371.0088 / 1.852;
const RADIAN = Math.PI / 180;

const READERS: Record<string, Reader> = {
  callsign: texts((one) => [one.callsign], "beginning"),
  cid: texts((one) => [String(one.cid)]),
  departure: texts((one) => [one.flight_plan?.departure]),
  arrival: texts((one) => [one.flight_plan?.arrival]),
  aircraft: texts((one) => [one.flight_plan?.aircraft_short, one.plan?.aircraft_type]),
  wake: texts((one) => [one.plan?.wake_category]),
  airline: texts((one) => [airlineOf(one.callsign)]),
  flight_rules: texts((one) => [one.flight_plan?.flight_rules]),
  phase: texts((one) => [one.phase]),
  state: texts((one) => [one.state]),
  squawk: texts((one) => [one.transponder]),
  fir: texts((one) => one.firs),
  sector: texts((one) => one.sectors),
  tuned: texts((one) => one.contacts.map((each) => each.station)),
  bbox: box,
  near,
  altitude: range((one) => one.altitude),
  groundspeed: range((one) => one.groundspeed),
  vertical_speed_fpm: range((one) => one.vertical_speed_fpm),
  heading,
  distance_flown_nm: range((one) => one.distance_flown_nm),
  great_circle_nm: range((one) => one.great_circle_nm),
  online_s: range((one) => one.online_s),
};

export const NAMES = Object.keys(READERS);

/** Read `arrival=EDDF&altitude=..10000`. What is empty lets everything through. Throws FilterFault. */
export function read(text: string): Filter {
  const filters = [...new URLSearchParams(text)].map(([name, value]) => one(name, value));
  return (flight) => filters.every((each) => each(flight));
}

function one(name: string, value: string): Filter {
  const reader = READERS[name];
  if (reader === undefined) {
    throw new FilterFault(`There is no filter "${name}". There are: ${NAMES.join(", ")}.`);
  }
  if (value.trim() === "") throw new FilterFault(`The filter "${name}" needs a value.`);
  return reader(value.trim());
}

type Texts = (flight: Flight) => readonly (string | null | undefined)[];

/** Several values are fulfilled by any of them; `*` stands for any letters, `?` for one. */
function texts(of: Texts, whole: "whole" | "beginning" = "whole"): Reader {
  return (value) => {
    const wanted = value.split(",").map((each) => pattern(each.trim(), whole));
    return (flight) =>
      of(flight).some((text) => text != null && wanted.some((each) => each.test(text)));
  };
}

function pattern(text: string, whole: "whole" | "beginning"): RegExp {
  const isPattern = /[*?]/.test(text);
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  const source = escaped.replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}${isPattern || whole === "whole" ? "$" : ""}`, "is");
}

function airlineOf(callsign: string): string {
  return /^[^0-9]*/.exec(callsign)?.[0] ?? "";
}

function ends(value: string): readonly [low: number, high: number] {
  const [low, high, more] = value.split("..");
  const number = (text: string | undefined, without: number) =>
    text === undefined || text.trim() === "" ? without : Number(text);
  const found = value.includes("..")
    ? ([number(low, -Infinity), number(high, Infinity)] as const)
    : ([Number(value), Number(value)] as const);
  if (more !== undefined || found.some(Number.isNaN) || value === "..") {
    throw new FilterFault(`"${value}" is no range: 10000..40000, 10000.. or ..40000.`);
  }
  return found;
}

/** Both ends are in it. What is not known fulfils nothing. */
function range(of: (flight: Flight) => number | null): Reader {
  return (value) => {
    const [low, high] = ends(value);
    return (flight) => {
      const found = of(flight);
      return found !== null && found >= low && found <= high;
    };
  };
}

/** A range that may lead over the north. */
function heading(value: string): Filter {
  const [low, high] = ends(value);
  return ({ heading: found }) => {
    if (found === null) return false;
    const turned = [found, found === 0 ? 360 : found, found === 360 ? 0 : found];
    return turned.some((each) =>
      low <= high ? each >= low && each <= high : each >= low || each <= high,
    );
  };
}

function numbers(value: string, count: number, like: string): readonly number[] {
  const found = value.split(",").map(Number);
  if (found.length !== count || found.some(Number.isNaN)) {
    throw new FilterFault(`"${value}" has not the form ${like}.`);
  }
  return found;
}

/** With a west that is greater than the east it leads over the antimeridian. */
function box(value: string): Filter {
  const [west = 0, south = 0, east = 0, north = 0] = numbers(value, 4, "west,south,east,north");
  return ({ latitude, longitude }) =>
    latitude >= south &&
    latitude <= north &&
    (west <= east
      ? longitude >= west && longitude <= east
      : longitude >= west || longitude <= east);
}

function near(value: string): Filter {
  const [latitude = 0, longitude = 0, most = 0] = numbers(value, 3, "lat,lon,nm");
  return (flight) => distanceNm(latitude, longitude, flight.latitude, flight.longitude) <= most;
}

/** The shortest way over the sphere. */
export function distanceNm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const dLat = ((lat2 - lat1) * RADIAN) / 2;
  const dLon = ((lon2 - lon1) * RADIAN) / 2;
  const h =
    Math.sin(dLat) ** 2 + Math.cos(lat1 * RADIAN) * Math.cos(lat2 * RADIAN) * Math.sin(dLon) ** 2;
  return 2 * EARTH_NM * Math.asin(Math.min(1, Math.sqrt(h)));
}
