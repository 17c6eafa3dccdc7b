/** Subscriptions: what is watched for whom, and new ones. For who may have some. */

import { useSignal } from "@preact/signals";
import { send } from "../api/client";
import type { MadeSubscription, SubscriptionInfo, SubscriptionList } from "../api/types";
import { Fault, Time } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { words } from "../ui/words";
import { order, orders, said } from "./session";

// One of each kind, to be changed; docs/subscriptions.md says what each field means.
const EXAMPLE = `{
  "name": "",
  "watch": {"kind": "position", "callsign": "EDDF_*"},
  "target": {"kind": "stream"}
}`;

export function Subscriptions() {
  const { answer, fault } = useAnswer<SubscriptionList>("/api/subscriptions", orders.value);
  return (
    <>
      <Fault text={fault} />
      {answer?.count === 0 && <p>None.</p>}
      <ul class="troubles">
        {answer?.subscriptions.map((one) => (
          <li key={one.id}>
            <b>{one.name || words(one.watch.kind)}</b> {one.enabled ? "" : "· paused "}
            <Orders one={one} />
            <p>
              {JSON.stringify(one.watch)} to {one.target.kind}, made <Time at={one.created_at} />
            </p>
          </li>
        ))}
      </ul>
      <Make />
    </>
  );
}

function Orders({ one }: { one: SubscriptionInfo }) {
  const path = `/api/subscriptions/${encodeURIComponent(one.id)}`;
  const name = one.name || words(one.watch.kind);
  const all: readonly [string, () => Promise<unknown>][] = [
    [one.enabled ? "Pause" : "Resume", () => send("PATCH", path, { enabled: !one.enabled })],
    ["Test", () => send("POST", `${path}/test`)],
    ["Delete", () => send("DELETE", path)],
  ];
  return (
    <>
      {all.map(([label, act]) => (
        <button
          type="button"
          class="small"
          key={label}
          aria-label={`${label}: ${name}`}
          onClick={() => void order(act, `${label}: done.`)}
        >
          {label}
        </button>
      ))}
    </>
  );
}

function Make() {
  const text = useSignal(EXAMPLE);
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const wanted = parsed(text.value);
    if (wanted === undefined) {
      said.value = "This is not JSON.";
      return;
    }
    const made = await order(
      () => send<MadeSubscription>("POST", "/api/subscriptions", wanted),
      "It is made.",
    );
    if (made?.secret) said.value = `Its secret, which is shown only now: ${made.secret}`;
  };
  return (
    <form onSubmit={(event) => void make(event)}>
      <label>
        A new one, as the API has it (
        <a href="/docs">
          <code>POST /api/subscriptions</code>
        </a>
        )
        <textarea
          rows={6}
          spellcheck={false}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </label>
      <button type="submit">Subscribe</button>
    </form>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
