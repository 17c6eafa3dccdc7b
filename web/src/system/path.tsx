/** From VATSIM to whoever asks: each part on a snapshot's way, with what waits there and how long it takes. */

import { milliseconds } from "./figures";
import { stages } from "./polled";

export function Path() {
  const { answer, fault } = stages.value;
  if (!answer) return <p>{fault || "…"}</p>;
  return (
    <ol class="path">
      {answer.pipeline.map((one) => (
        <li key={one.actor}>
          <b>{one.actor}</b>
          <span>
            {milliseconds(one.latency?.p50_s ?? null)} · p99{" "}
            {milliseconds(one.latency?.p99_s ?? null)}
          </span>
          <span>{one.queued === 0 ? "nothing waits" : `${one.queued} wait`}</span>
        </li>
      ))}
    </ol>
  );
}
