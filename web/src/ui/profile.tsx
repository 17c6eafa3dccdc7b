/** Height and speed of a flight over its time. */

import { useMemo } from "preact/hooks";
import type { TrackPoint } from "../api/types";
import { Chart } from "./chart";

export function Profile({ points }: { points: readonly TrackPoint[] }) {
  const times = useMemo(() => points.map((one) => Date.parse(one.time) / 1000), [points]);
  const lines = useMemo(
    () => [
      { name: "height", unit: "ft", values: points.map((one) => one.altitude) },
      { name: "speed", unit: "kt", values: points.map((one) => one.groundspeed) },
    ],
    [points],
  );
  return <Chart title="Height and speed" times={times} lines={lines} />;
}
