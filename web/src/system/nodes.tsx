/** Who there is beside the node that answers, and which one is looked at. */

import type { Signal } from "@preact/signals";
import type { ClusterNode } from "../api/types";
import { Time } from "../ui/parts";
import { status } from "./polled";

export function Nodes({ chosen }: { chosen: Signal<string> }) {
  const nodes = status.value.answer?.nodes ?? [];
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">node</th>
          <th scope="col">role</th>
          <th scope="col">health</th>
          <th scope="col">behind</th>
          <th scope="col">since</th>
          <th scope="col">version</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((one) => (
          <tr key={one.node} class={one.alive ? one.health : "unhealthy"}>
            <th scope="row">
              <button
                type="button"
                class="to"
                aria-pressed={chosen.value === one.node}
                onClick={() => {
                  chosen.value = chosen.value === one.node ? "" : one.node;
                }}
              >
                {one.node}
              </button>
            </th>
            <td>{one.role}</td>
            <td>{one.alive ? one.health : "silent"}</td>
            <td>{behind(one)}</td>
            <td>
              <Time at={one.started_at} />
            </td>
            <td>{one.version}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Who collects is behind nobody. */
function behind({ role, lag_s }: Pick<ClusterNode, "role" | "lag_s">): string {
  if (lag_s !== null) return `${lag_s.toFixed(1)} s`;
  return role === "follower" ? "serves nothing yet" : "–";
}
