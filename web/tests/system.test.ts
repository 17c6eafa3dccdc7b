import assert from "node:assert/strict";
import { test } from "node:test";
import { passedOf } from "../src/system/passed";
import { type Look, rateOf, ratesOf } from "../src/system/rates";

const look = (at: number, events: number | null): Look => ({
  at,
  messages: null,
  events,
  health: "healthy",
});

test("a rate is the difference of two counts over the time between", () => {
  assert.equal(rateOf("events")([look(10, 100), look(12, 130)]), 15);
});

test("a count that is not known, or begins anew, has no rate", () => {
  const rate = rateOf("events");
  assert.equal(rate([undefined, look(12, 130)]), null);
  assert.equal(rate([look(10, null), look(12, 130)]), null);
  assert.equal(rate([look(10, 100), look(12, null)]), null);
  assert.equal(rate([look(10, 100), look(12, 7)]), null);
  assert.equal(rate([look(10, 100), look(10, 130)]), null);
});

test("parts that were there before, and have not begun anew, have a rate", () => {
  const before = {
    at: 10,
    counts: new Map([
      ["a", 5],
      ["b", 9],
      ["gone", 1],
    ]),
  };
  const now = {
    at: 12,
    counts: new Map([
      ["a", 9],
      ["b", 2],
      ["new", 4],
    ]),
  };
  assert.deepEqual([...ratesOf(before, now)], [["a", 2]]);
  assert.deepEqual([...ratesOf(null, now)], []);
});

test("events are put together by their snapshot, the newest first", () => {
  const event = (type: string, second: number, snapshot: string) => ({
    type,
    time: `2026-05-01T12:00:${String(second).padStart(2, "0")}Z`,
    correlation_id: snapshot,
  });
  const passed = passedOf([
    event("DATA_STORED", 17, "t2"),
    event("DATA_FETCHED", 16, "t2"),
    event("DATA_FETCHED", 1, "t1"),
  ]);
  assert.deepEqual(
    passed.map(({ snapshot, times }) => [snapshot, [...times.keys()].sort()]),
    [
      ["t2", ["DATA_FETCHED", "DATA_STORED"]],
      ["t1", ["DATA_FETCHED"]],
    ],
  );
});
