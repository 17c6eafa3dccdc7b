/** What the lists tell of each flight, station and airport. */

import type { AirportInList, Controller, Flight } from "../api/types";
import { lasting } from "../live/age";
import { address, now } from "../state/page";
import type { Column } from "../ui/virtual-table";
import { feet, knots, utc, words } from "../ui/words";

export const FLIGHTS: readonly Column<Flight>[] = [
  { name: "flight", cell: (one) => one.callsign, order: (one) => one.callsign },
  {
    name: "from",
    cell: (one) => one.flight_plan?.departure,
    order: (one) => one.flight_plan?.departure ?? null,
  },
  {
    name: "to",
    cell: (one) => one.flight_plan?.arrival,
    order: (one) => one.flight_plan?.arrival ?? null,
  },
  {
    name: "type",
    cell: (one) => one.flight_plan?.aircraft_short,
    order: (one) => one.flight_plan?.aircraft_short ?? null,
  },
  { name: "phase", cell: (one) => words(one.phase), order: (one) => one.phase },
  {
    name: "height",
    cell: (one) => feet(one.altitude),
    order: (one) => one.altitude,
    isNumber: true,
  },
  {
    name: "speed",
    cell: (one) => knots(one.groundspeed),
    order: (one) => one.groundspeed,
    isNumber: true,
  },
  { name: "ETA", cell: (one) => utc(one.eta, now.value), order: (one) => one.eta, isNumber: true },
  {
    name: "talks to",
    cell: (one) => one.contacts[0]?.station,
    order: (one) => one.contacts[0]?.station ?? null,
  },
];

export const CONTROLLERS: readonly Column<Controller>[] = [
  { name: "station", cell: (one) => one.callsign, order: (one) => one.callsign },
  { name: "position", cell: (one) => one.position.name, order: (one) => one.position.name },
  {
    name: "frequency",
    cell: (one) => one.frequency,
    order: (one) => one.frequency,
    isNumber: true,
  },
  { name: "state", cell: (one) => words(one.state), order: (one) => one.state },
  {
    name: "online",
    cell: (one) => lasting(one.connected_s),
    order: (one) => one.connected_s,
    isNumber: true,
  },
  {
    name: "talks to",
    cell: (one) => one.tuned.length,
    order: (one) => one.tuned.length,
    isNumber: true,
  },
];

export const AIRPORTS: readonly Column<AirportInList>[] = [
  { name: "airport", cell: (one) => one.icao, order: (one) => one.icao },
  { name: "name", cell: (one) => one.name, order: (one) => one.name },
  count("flights", (one) => one.flights),
  count("departures", (one) => one.departures),
  count("arrivals", (one) => one.arrivals),
  count("on ground", (one) => one.on_ground),
  count("take-offs an hour", (one) => one.rates.take_offs.over_60_min),
  count("landings an hour", (one) => one.rates.landings.over_60_min),
  count("stations", (one) => one.stations.length),
];

function count(name: string, of: (one: AirportInList) => number): Column<AirportInList> {
  return { name, cell: of, order: of, isNumber: true };
}

/** With who it is, unless people are hidden. */
export function withPeople<T extends { name: string; cid: number }>(
  columns: readonly Column<T>[],
): readonly Column<T>[] {
  if (address.value.hidesPeople) return columns;
  return [
    ...columns,
    { name: "name", cell: (one) => one.name, order: (one) => one.name },
    { name: "CID", cell: (one) => one.cid, order: (one) => one.cid, isNumber: true },
  ];
}
