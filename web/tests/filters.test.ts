import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flight } from "../src/api/types";
import { distanceNm, FilterFault, read } from "../src/query/filters";

const BASE = {
  callsign: "BAW57M",
  cid: 1234,
  flight_plan: { departure: "EGLL", arrival: "EDDF", aircraft_short: "A320", flight_rules: "I" },
  plan: { wake_category: "M", aircraft_type: "A320" },
  phase: "cruise",
  state: "online",
  transponder: "2200",
  firs: ["EDGG"],
  sectors: [],
  contacts: [{ station: "EDGG_CTR" }],
  latitude: 50,
  longitude: 8,
  altitude: 36_000,
  groundspeed: 450,
  heading: 355,
  vertical_speed_fpm: null,
};
const flight = (over: object = {}) => ({ ...BASE, ...over }) as unknown as Flight;
const fits = (text: string, over: object = {}) => read(text)(flight(over));

test("a callsign is a beginning, and a pattern is the whole", () => {
  assert.ok(fits("callsign=baw"));
  assert.ok(fits("callsign=*57?"));
  assert.ok(!fits("callsign=57"));
  assert.ok(!fits("callsign=B*7"));
});

test("values with commas are alternatives, and filters together are all", () => {
  assert.ok(fits("arrival=LFPG,EDDF&departure=EG*"));
  assert.ok(!fits("arrival=EDDF&departure=LF*"));
});

test("other texts are whole", () => {
  assert.ok(!fits("arrival=EDD"));
  assert.ok(fits("airline=BAW"));
  assert.ok(fits("tuned=EDGG*"));
  assert.ok(!fits("sector=any"));
});

test("ranges have both their ends, and nothing unknown", () => {
  assert.ok(fits("altitude=36000..36000"));
  assert.ok(fits("altitude=..36000&groundspeed=450.."));
  assert.ok(fits("altitude=36000"));
  assert.ok(!fits("altitude=36001.."));
  assert.ok(!fits("vertical_speed_fpm=-9999..9999"));
});

test("headings lead over the north, and 0 is 360", () => {
  assert.ok(fits("heading=350..10"));
  assert.ok(fits("heading=350..360", { heading: 0 }));
  assert.ok(fits("heading=0..10", { heading: 360 }));
  assert.ok(!fits("heading=10..350"));
});

test("a box may lead over the antimeridian, and its border is in it", () => {
  assert.ok(fits("bbox=8,50,9,51"));
  const there = { longitude: -179, latitude: -17 };
  assert.ok(fits("bbox=170,-20,-170,0", there));
  assert.ok(!fits("bbox=-170,-20,170,0", there));
});

test("near is by the shortest way", () => {
  assert.ok(Math.abs(distanceNm(0, 179.5, 0, -179.5) - 60.04) < 0.01);
  assert.ok(fits("near=50,8,0"));
  assert.ok(!fits("near=51,8,59"));
});

test("an empty text lets all through, and a fault is told", () => {
  assert.ok(fits(""));
  for (const text of ["nonsense=1", "altitude=high", "altitude=..", "bbox=1,2,3", "arrival="]) {
    assert.throws(() => read(text), FilterFault, text);
  }
});
