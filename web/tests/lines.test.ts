import assert from "node:assert/strict";
import { test } from "node:test";
import { circle, greatCircle, type Point, unrolled } from "../src/map/lines";
import { distanceNm } from "../src/query/filters";

test("a great circle is no longer than the shortest way, and leads over the antimeridian in one line", () => {
  const ways: [Point, Point][] = [
    [
      [8, 50],
      [-73, 40],
    ],
    [
      [139, 35],
      [-122, 37],
    ],
    [
      [151, -33],
      [-70, -33],
    ],
  ];
  for (const [from, to] of ways) {
    const points = greatCircle(from, to);
    let length = 0;
    for (const [index, point] of points.entries()) {
      const before = points[index - 1];
      if (!before) continue;
      length += distanceNm(before[1], before[0], point[1], point[0]);
      assert.ok(Math.abs(point[0] - before[0]) < 180);
    }
    assert.ok(Math.abs(length - distanceNm(from[1], from[0], to[1], to[0])) < 0.1);
  }
});

test("a circle is as far everywhere, and closed", () => {
  for (const centre of [
    [8, 50],
    [179.9, -17],
    [0, 80],
  ] as Point[]) {
    const ring = circle(centre, 100);
    for (const [lon, lat] of ring) {
      assert.ok(Math.abs(distanceNm(centre[1], centre[0], lat, lon) - 100) < 0.1);
    }
    assert.deepEqual(
      ring[0]?.map((one) => one.toFixed(6)),
      ring.at(-1)?.map((one) => one.toFixed(6)),
    );
  }
});

test("longitudes never jump", () => {
  assert.deepEqual(
    unrolled([
      [170, 0],
      [-175, 0],
      [-170, 1],
      [175, 0],
    ]),
    [
      [170, 0],
      [185, 0],
      [190, 1],
      [175, 0],
    ],
  );
});
