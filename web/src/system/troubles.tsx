/** What has gone wrong: alerts and errors, the latest first. */

import { useMemo } from "preact/hooks";
import type { AlertsPage, ErrorsPage, Trends } from "../api/types";
import { Chart } from "../ui/chart";
import { Fault, Time } from "../ui/parts";
import type { Polled } from "./polled";

export function Alerts({ shown: { answer, fault } }: { shown: Polled<AlertsPage> }) {
  const all = [...(answer?.active ?? []), ...(answer?.past ?? [])];
  return (
    <>
      <Fault text={fault} />
      {answer && all.length === 0 && <p>None.</p>}
      <ul class="troubles">
        {all.map((one) => (
          <li key={one.id} class={one.until ? "over" : one.severity}>
            <b>{one.summary}</b> <Time at={one.since} />
            {one.until ? (
              <>
                {" to "}
                <Time at={one.until} />
              </>
            ) : (
              " · still so"
            )}
            <p>{one.cause}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Errors({
  shown: { answer, fault },
  over: { answer: trends },
}: {
  shown: Polled<ErrorsPage>;
  over: Polled<Trends>;
}) {
  return (
    <>
      <Fault text={fault} />
      {answer && answer.errors.length === 0 && <p>None.</p>}
      {trends && trends.groups.length > 0 && <Kinds trends={trends} />}
      <ul class="troubles">
        {answer?.errors.map((one) => (
          <li key={one.id} class={one.severity}>
            <b>{one.service}</b> <Time at={one.last_at} />{" "}
            {one.count > 1 ? `${one.count} times` : ""}
            <p>
              {one.operation}: {one.error_type} {one.message}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Each kind of error once, and how many there are over time. */
function Kinds({ trends }: { trends: Trends }) {
  const { times, lines } = useMemo(
    () => ({
      times: trends.per_minute.map(([minute]) => Date.parse(minute) / 1000),
      lines: [{ name: "errors", unit: "a minute", values: trends.per_minute.map(([, n]) => n) }],
    }),
    [trends],
  );
  return (
    <>
      <Chart title={`Errors a minute, ${trends.trend}`} times={times} lines={lines} />
      <table>
        <thead>
          <tr>
            <th scope="col">kind</th>
            <th scope="col">category</th>
            <th scope="col" class="number">
              times
            </th>
            <th scope="col">first</th>
            <th scope="col">last</th>
          </tr>
        </thead>
        <tbody>
          {trends.groups.map((one) => (
            <tr key={one.fingerprint}>
              <th scope="row">
                {one.service}: {one.operation} {one.error_type}
              </th>
              <td>{one.category}</td>
              <td class="number">{one.count}</td>
              <td>
                <Time at={one.first_seen} />
              </td>
              <td>
                <Time at={one.last_seen} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
