import assert from "node:assert/strict";
import { test } from "node:test";
import type { Feature } from "geojson";
import type { Controller } from "../src/api/types";
import { areaFeatures, middleOf, rangeFeatures, runs } from "../src/map/features";
import type { Selected } from "../src/state/address";

const area = (id: string): Feature => ({
  type: "Feature",
  geometry: { type: "Polygon", coordinates: [] },
  properties: { id },
});

const station = (callsign: string, areas: string[], more: object = {}): Controller =>
  ({
    callsign,
    state: "controlling",
    facility: 5,
    latitude: 50,
    longitude: 8,
    visual_range: 100,
    position: { name: null, area: null, areas, rule: "base" },
    ...more,
  }) as unknown as Controller;

test("all FIRs are shown, and of approach units those that somebody works", () => {
  const shown = areaFeatures(
    [area("EDGG"), area("EDMM")],
    [area("EDDF_APP"), area("EDDM_APP")],
    [station("EDGG_CTR", ["EDGG"]), station("EDDF_N_APP", ["EDDF_APP"])],
    null,
  );
  assert.deepEqual(
    shown.map((one) => one.properties),
    [
      { kind: "fir", name: "EDGG", staffed: true, chosen: false },
      { kind: "fir", name: "EDMM", staffed: false, chosen: false },
      { kind: "station", name: "EDDF_N_APP", staffed: true, chosen: false },
    ],
  );
});

test("who only watches works no area", () => {
  const watching = station("EDGG_CTR", ["EDGG"], { state: "connected" });
  assert.equal(
    areaFeatures([area("EDGG")], [], [watching], null)[0]?.properties?.["staffed"],
    false,
  );
});

test("the area of what is selected stands out", () => {
  const chosen = (selected: Selected) =>
    areaFeatures(
      [area("EDGG"), area("EDMM")],
      [area("EDDF_APP")],
      [station("EDDF_N_APP", ["EDDF_APP"])],
      selected,
    ).flatMap((one) => (one.properties?.["chosen"] ? [one.properties["name"]] : []));
  assert.deepEqual(chosen({ kind: "fir", name: "EDMM" }), ["EDMM"]);
  assert.deepEqual(chosen({ kind: "station", name: "EDDF_N_APP" }), ["EDDF_N_APP"]);
  assert.deepEqual(chosen({ kind: "flight", name: "EDMM" }), []);
});

test("a circle is shown for who works an area that nobody knows, and for nobody else", () => {
  const names = (all: Feature[]) => all.map((one) => one.properties?.["name"]);
  const known = new Set(["EDGG"]);
  const stations = [
    station("EDGG_CTR", ["EDGG"], { facility: 6 }),
    station("EDDF_APP", []),
    station("EDDF_TWR", [], { facility: 4 }),
    station("EDDM_APP", [], { latitude: null }),
  ];
  assert.deepEqual(names(rangeFeatures(stations, known)), ["EDDF_APP"]);
});

test("the middle of an area is that of the largest of its parts", () => {
  const square = (west: number, side: number) => [
    [
      [west, 0],
      [west + side, 0],
      [west + side, side],
      [west, side],
      [west, 0],
    ],
  ];
  const of = (geometry: Feature["geometry"]) =>
    middleOf({ type: "Feature", geometry, properties: {} });
  assert.deepEqual(of({ type: "Polygon", coordinates: square(4, 2) }), [5, 1]);
  const parts = [square(-180, 2), square(150, 10), square(0, 1)];
  assert.deepEqual(of({ type: "MultiPolygon", coordinates: parts }), [155, 5]);
  assert.equal(of({ type: "MultiPolygon", coordinates: [] }), null);
});

test("a track is cut where its colour changes, and has no holes there", () => {
  assert.deepEqual(runs([1, 1, 2, 2, 1]), [
    { from: 0, to: 2, value: 1 },
    { from: 2, to: 4, value: 2 },
  ]);
  assert.deepEqual(runs([1]), []);
});
