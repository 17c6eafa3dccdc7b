import assert from "node:assert/strict";
import { test } from "node:test";
import type { Controller, Flight } from "../src/api/types";
import { type Area, search } from "../src/query/search";

const FLIGHTS = [
  flight("DLH4AB", "EDDF", "LGAV", 100, "Ann"),
  flight("AFR12", "LFPG", "EDDF", 200, "Bob"),
];
const STATIONS = [
  {
    callsign: "EDDF_TWR",
    cid: 300,
    name: "Cy",
    frequency: "119.900",
    position: { name: "Frankfurt Tower", areas: [], rule: "" },
  },
] as unknown as Controller[];
const AREAS: readonly Area[] = [
  { kind: "fir", name: "EDGG", about: "Langen" },
  { kind: "sector", name: "DKB", about: "" },
];

function flight(callsign: string, from: string, to: string, cid: number, name: string): Flight {
  const flight_plan = { departure: from, arrival: to, aircraft_short: "A320" };
  const plan = { departure_icao: from, arrival_icao: to, registration: null };
  return { callsign, cid, name, flight_plan, plan } as unknown as Flight;
}

function names(text: string, withPeople = true): readonly string[] {
  return search(text, FLIGHTS, STATIONS, AREAS, withPeople).map((one) => `${one.kind} ${one.name}`);
}

test("whatever has a name is found by it, and its beginning comes before what is within", () => {
  assert.deepEqual(names("dlh4ab"), ["flight DLH4AB"]);
  assert.deepEqual(names("eddf"), ["airport EDDF", "station EDDF_TWR"]);
  assert.deepEqual(names("langen"), ["fir EDGG"]);
  assert.deepEqual(names("dkb"), ["sector DKB"]);
  assert.deepEqual(names("119.9"), ["station EDDF_TWR"]);
  assert.deepEqual(names(" "), []);
});

test("an airport without traffic is found by its code", () => {
  assert.deepEqual(names("kjfk"), ["airport KJFK"]);
  assert.deepEqual(names("kjf"), []);
});

test("people are found by name and number, unless they are hidden", () => {
  assert.deepEqual(names("bob"), ["flight AFR12"]);
  assert.deepEqual(names("300"), ["station EDDF_TWR"]);
  assert.deepEqual(names("bob", false), []);
  assert.deepEqual(names("300", false), []);
});
