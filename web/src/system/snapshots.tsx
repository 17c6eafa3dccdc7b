/** The last snapshots, and when each part of the service was through with them. */

import { useMemo } from "preact/hooks";
import { version } from "../state/page";
import { Fault } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { milliseconds } from "./figures";
import { passedOf, type StageEvent } from "./passed";
import { at } from "./session";

const STAGES = ["DATA_FETCHED", "DATA_PROCESSED", "DATA_CACHED", "DATA_STORED"] as const;
type Stage = (typeof STAGES)[number];
const NAMES: Record<Stage, string> = {
  DATA_FETCHED: "fetched",
  DATA_PROCESSED: "processed",
  DATA_CACHED: "served",
  DATA_STORED: "stored",
};
const SHOWN = 6;

export function Snapshots({ node }: { node: string }) {
  const path = at(node, `/api/events?type=${STAGES.join(",")}&limit=${SHOWN * STAGES.length}`);
  const { answer, fault } = useAnswer<{ events: StageEvent[] }>(path, version.value);
  const passed = useMemo(() => passedOf(answer?.events ?? []).slice(0, SHOWN), [answer]);
  return (
    <>
      <Fault text={fault} />
      <table>
        <thead>
          <tr>
            <th scope="col">snapshot (UTC)</th>
            {STAGES.map((stage) => (
              <th scope="col" class="number" key={stage}>
                {NAMES[stage]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {passed.map(({ snapshot, times }) => (
            <tr key={snapshot}>
              <th scope="row">
                <time dateTime={snapshot}>{secondsOf(snapshot)}</time>
              </th>
              {STAGES.map((stage) => (
                <td class="number" key={stage}>
                  {since(times, stage)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Of one day, in UTC: two snapshots are seconds apart. */
function secondsOf(time: string | number): string {
  return new Date(time).toISOString().slice(11, 19);
}

/** The first one's time; of the others how much later they were. */
function since(times: ReadonlyMap<string, number>, stage: Stage): string {
  const [begin, end] = [times.get("DATA_FETCHED"), times.get(stage)];
  if (end === undefined) return "–";
  if (stage === "DATA_FETCHED") return secondsOf(end);
  return begin === undefined ? "✓" : `+${milliseconds((end - begin) / 1000)}`;
}
