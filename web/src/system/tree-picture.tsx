/** The supervision tree as a picture: who supervises whom, how each one is, and why it was restarted. */

import type { Node } from "../api/types";
import { lasting } from "../live/age";
import { now } from "../state/page";
import { milliseconds } from "./figures";
import { Restart } from "./operator";
import { rates, tree } from "./polled";

export function TreePicture({ node }: { node: string }) {
  const { answer, fault } = tree.value;
  if (!answer) return <p>{fault || "…"}</p>;
  const last = lastRestarted(answer);
  return (
    <>
      {fault && <p class="fault">{fault}</p>}
      <p>
        {last?.last_failure
          ? `Restarted last: ${last.name}, ${lasting((now.value - Date.parse(last.last_failure.at)) / 1000)} ago, ` +
            `${last.last_failure.reason}: ${last.last_failure.error_text || last.last_failure.error_type}`
          : "Nothing has failed since the start."}
      </p>
      <ul class="tree">
        <Branch one={answer} node={node} />
      </ul>
    </>
  );
}

function Branch({ one, node }: { one: Node; node: string }) {
  return (
    <li>
      <div class={`node ${one.kind} ${one.state}`}>
        <b>{one.name}</b>
        <span class="state">{one.state}</span>
        <Details one={one} />
        <Restart path={one.path} node={node} />
      </div>
      {one.children.length > 0 && (
        <ul>
          {one.children.map((each) => (
            <Branch key={each.path} one={each} node={node} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Details({ one }: { one: Node }) {
  const { breaker, mailbox, latency } = one;
  const rate = mailbox ? rates.value.get(one.path) : undefined;
  const parts = [
    one.kind === "supervisor" && one.strategy?.replaceAll("_", " "),
    mailbox && mailbox.depth > 0 && `${mailbox.depth} in its mailbox`,
    rate !== undefined && `${rate.toFixed(1)} a second`,
    latency && `${one.handled.toLocaleString("en")} handled, p99 ${milliseconds(latency.p99_s)}`,
    one.handling && one.busy_s > 1 && `${one.handling} for ${lasting(one.busy_s)}`,
    breaker && breaker.state !== "closed" && `breaker ${breaker.state.replaceAll("_", " ")}`,
    breaker?.state === "open" && `next trial in ${lasting(breaker.retry_in_s)}`,
    one.retry_in_s !== null && `started again in ${lasting(one.retry_in_s)}`,
    one.restarts_total > 0 && `${one.restarts_total} restarts`,
  ];
  return <span class="details">{parts.filter(Boolean).join(" · ")}</span>;
}

/** The one whose last failure is the latest. */
export function lastRestarted(root: Node): Node | null {
  const all = [root, ...root.children.flatMap((each) => lastRestarted(each) ?? [])];
  return all.reduce<Node | null>((latest, one) => {
    if (!one.last_failure) return latest;
    if (!latest?.last_failure) return one;
    return one.last_failure.at > latest.last_failure.at ? one : latest;
  }, null);
}
