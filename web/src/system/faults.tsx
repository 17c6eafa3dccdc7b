/** Faults that are injected into the service, on a staging system: which are to come, and new ones. */

import { useSignal } from "@preact/signals";
import { send } from "../api/client";
import type { FaultKind, FaultsBody, Fault as Injected, Node } from "../api/types";
import { Fault } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { looks, tree } from "./polled";
import { at, may, order, orders } from "./session";

const KINDS: readonly FaultKind[] = ["crash", "fail", "hang", "slow", "drop", "corrupt"];
// These last for some seconds; the others happen at once.
const LASTING: readonly FaultKind[] = ["hang", "slow"];

export function Faults({ node }: { node: string }) {
  const again = `${orders.value} ${looks.value.at(-1)?.at}`;
  const path = at(node, "/api/supervision/faults");
  const { answer, fault } = useAnswer<FaultsBody>(path, again);
  return (
    <>
      <Fault text={fault} />
      {answer && (
        <p>
          {answer.injected} injected since the start, {answer.active.length} still to come.
        </p>
      )}
      <ul>
        {answer?.active.map((one) => (
          <li key={one.id}>
            {described(one)} {may("admin") && <TakeBack one={one} node={node} />}
          </li>
        ))}
      </ul>
      {may("admin") && <Inject node={node} />}
    </>
  );
}

function described(one: Injected): string {
  const lasting = one.seconds === null ? "" : ` for ${one.seconds} s`;
  const of = one.message_type === null ? "" : ` at ${one.message_type}`;
  return `${one.kind} ${one.target}${lasting}${of}, ${one.count} times`;
}

function TakeBack({ one, node }: { one: Injected; node: string }) {
  const path = at(node, `/api/supervision/faults?id=${one.id}`);
  return (
    <button
      type="button"
      class="small"
      aria-label={`Take back: ${described(one)}`}
      onClick={() => void order(() => send("DELETE", path), "It was taken back.")}
    >
      Take back
    </button>
  );
}

function Inject({ node }: { node: string }) {
  const kind = useSignal<FaultKind>("crash");
  const targets = workers(tree.value.answer);
  const inject = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const target = String(given.get("target") ?? "");
    const seconds = LASTING.includes(kind.value) ? { seconds: Number(given.get("seconds")) } : {};
    const wanted = { kind: kind.value, target, count: Number(given.get("count")), ...seconds };
    void order(
      () => send("POST", at(node, "/api/supervision/faults"), wanted),
      `${kind.value} waits for ${target}.`,
    );
  };
  return (
    <form class="row" onSubmit={inject}>
      <label>
        Fault{" "}
        <select
          value={kind.value}
          onChange={(event) => {
            kind.value = event.currentTarget.value as FaultKind;
          }}
        >
          {KINDS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        of{" "}
        <select name="target">
          {targets.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label>
        times <input type="number" name="count" min="1" max="100" value="1" required />
      </label>
      {LASTING.includes(kind.value) && (
        <label>
          seconds <input type="number" name="seconds" min="0.1" step="any" value="5" required />
        </label>
      )}
      <button type="submit">Inject</button>
    </form>
  );
}

function workers(root: Node | null): string[] {
  if (!root) return [];
  const below = root.children.flatMap(workers);
  return root.kind === "worker" ? [root.name, ...below] : below;
}
