import assert from "node:assert/strict";
import { test } from "node:test";
import { freshness, lasting } from "../src/live/age";
import { ServerClock } from "../src/live/clock";

test("the service's time is told by its answers, not by this machine's clock", () => {
  const clock = new ServerClock();
  assert.equal(clock.now({ wall: 5_000, steady: 10 }), 5_000);
  clock.hear(1_000_000, { wall: 5_000, steady: 10 });
  assert.equal(clock.now({ wall: 5_000, steady: 1_010 }), 1_001_500);
  // One that was long on its way changes nothing.
  clock.hear(1_000_000, { wall: 6_000, steady: 1_010 });
  assert.equal(clock.now({ wall: 5_000, steady: 1_010 }), 1_001_500);
});

test("a jump of either clock is noticed, and the service is asked anew", () => {
  const clock = new ServerClock();
  clock.hear(1_000_000, { wall: 5_000, steady: 10 });
  assert.equal(clock.hasJumped({ wall: 6_000, steady: 1_010 }), false);
  assert.equal(clock.hasJumped({ wall: 3_606_000, steady: 1_010 }), true);
  assert.equal(clock.isKnown, false);
  clock.hear(4_600_000, { wall: 3_606_000, steady: 1_010 });
  assert.equal(clock.now({ wall: 0, steady: 1_010 }), 4_600_500);
});

test("data are late after a minute, and stale after two", () => {
  assert.deepEqual([0, 59.9, 60, 119, 120, 9e9].map(freshness), [
    "fresh",
    "fresh",
    "late",
    "late",
    "stale",
    "stale",
  ]);
  assert.equal(freshness(null), "unknown");
});

test("times are short", () => {
  const shown = [-1, 0, 119.9, 120, 3_599, 3_600, 7_500, 172_800].map(lasting);
  assert.deepEqual(shown, [
    "0 s",
    "0 s",
    "119 s",
    "2 min",
    "59 min",
    "1 h 00 min",
    "2 h 05 min",
    "2 d",
  ]);
});
