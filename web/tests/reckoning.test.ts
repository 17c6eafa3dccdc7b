import assert from "node:assert/strict";
import { test } from "node:test";
import {
  followed,
  INTERVAL_S,
  mercator,
  placeAt,
  type Report,
  reported,
  unitsPerNm,
} from "../src/map/reckoning";

const flight = (over: Partial<Report> = {}): Report => ({
  longitude: 8,
  latitude: 50,
  groundspeed: 480,
  heading: 90,
  at: 1000,
  ...over,
});

const nm = (units: number, y: number) => units / unitsPerNm(y);

test("480 knots to the east are two miles in an interval, at every latitude", () => {
  for (const latitude of [0, 50, -65, 80]) {
    const motion = reported(flight({ latitude }));
    const moved = placeAt(motion, 1000 + INTERVAL_S);
    assert.ok(Math.abs(nm(moved.x - motion.x, motion.y) - 2) < 1e-9, `at ${latitude}`);
    assert.ok(Math.abs(moved.y - motion.y) < 1e-12);
  }
});

test("a heading is from the north, clockwise", () => {
  const signs = (heading: number) => {
    const { vx, vy } = reported(flight({ heading }));
    return [vx, vy].map((one) => Math.sign(Math.round(one * 1e9)) + 0);
  };
  assert.deepEqual([0, 90, 180, 270, 360].map(signs), [
    [0, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ]);
});

test("the poles are within the square", () => {
  assert.ok(mercator(0, 90).y >= -1e-6 && mercator(0, -90).y <= 1 + 1e-6);
});

test("who is not known before is where its report says", () => {
  assert.deepEqual(followed(null, flight(), 1010), reported(flight()));
});

test("whatever comes, nothing that flies goes backwards or jumps, and it is where the next report says", () => {
  for (const off of [-2.5, -0.4, 0, 0.4, 2.5]) {
    const shown = reported(flight());
    const now = 1000 + INTERVAL_S + 7;
    const right = placeAt(reported(flight()), 1000 + INTERVAL_S);
    const longitude = (right.x + off * unitsPerNm(right.y)) * 360 - 180;
    const next = followed(shown, flight({ longitude, at: 1000 + INTERVAL_S }), now);
    const before = placeAt(shown, now);
    const at = placeAt(next, now);
    assert.ok(Math.hypot(at.x - before.x, at.y - before.y) < 1e-12, `no jump with ${off}`);
    let x = at.x;
    for (let s = 1; s <= INTERVAL_S; s++) {
      const { x: on } = placeAt(next, now + s);
      assert.ok(on >= x - 1e-15, `backwards with ${off}`);
      x = on;
    }
    const goal = placeAt(reported(flight({ longitude, at: 1000 + INTERVAL_S })), now + INTERVAL_S);
    if (off > -2) assert.ok(Math.abs(x - goal.x) < 1e-12, `it has caught up with ${off}`);
  }
});

test("after a jump the report counts as it is", () => {
  const far = flight({ longitude: 20, at: 1015 });
  assert.deepEqual(followed(reported(flight()), far, 1020), reported(far));
});

test("who stands is where the report says, and an old report moves nobody", () => {
  const parked = flight({ groundspeed: 0, at: 1015 });
  assert.deepEqual(followed(reported(flight()), parked, 1020), reported(parked));
  const { vx, vy } = followed(null, flight(), 1000 + 61);
  assert.deepEqual([vx, vy].map(Math.abs), [0, 0]);
});
