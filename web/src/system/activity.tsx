/** Messages and events a second, and health, since this view was opened. */

import { useMemo } from "preact/hooks";
import { Chart } from "../ui/chart";
import { looks } from "./polled";
import { rateOf } from "./rates";

const HEALTHS: Record<string, number> = { healthy: 2, degraded: 1, unhealthy: 0 };

export function Activity() {
  const seen = looks.value;
  const { times, rates, health } = useMemo(() => {
    const pairs = seen.slice(1).map((one, index) => [seen[index], one] as const);
    return {
      times: pairs.map(([, one]) => one.at),
      rates: [
        { name: "messages", unit: "a second", values: pairs.map(rateOf("messages")) },
        { name: "events", unit: "a second", values: pairs.map(rateOf("events")) },
      ],
      health: [
        {
          name: "health",
          unit: "2 healthy, 1 degraded, 0 unhealthy",
          values: pairs.map(([, one]) => HEALTHS[one.health] ?? null),
        },
      ],
    };
  }, [seen]);
  return (
    <>
      <Chart title="Messages and events" times={times} lines={rates} />
      <Chart title="Health" times={times} lines={health} />
    </>
  );
}
