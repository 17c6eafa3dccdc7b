import assert from "node:assert/strict";
import { test } from "node:test";
import { extended, type Parts, parts } from "../src/live/track-parts";

function point(second: number) {
  const time = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  return { time, latitude: 50, longitude: second, altitude: 1000, groundspeed: 100, heading: 90 };
}

const seconds = (all: Parts) => all.map((part) => part.map((one) => one.longitude));

test("a silence of more than a minute and a half is a gap", () => {
  const found = parts([0, 15, 105, 196, 211].map(point));
  assert.deepEqual(seconds(found), [
    [0, 15, 105],
    [196, 211],
  ]);
  assert.deepEqual(parts([]), []);
});

test("a track that grows point by point is the one of all points", () => {
  const all = [0, 15, 30, 150, 165, 300].map(point);
  assert.deepEqual(all.reduce(extended, []), parts(all));
});

test("a point that is not later changes nothing", () => {
  const before = parts([0, 15].map(point));
  for (const second of [-15, 0, 15]) assert.equal(extended(before, point(second)), before);
});
