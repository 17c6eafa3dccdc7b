/** API keys: who has one, for what, and new ones. For an operator. */

import { useSignal } from "@preact/signals";
import { send } from "../api/client";
import type { KeyInfo, KeyList, MadeKey, Scope } from "../api/types";
import { Fault, Time } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { order, orders } from "./session";

const SCOPES: readonly Scope[] = ["read", "events", "subscriptions", "admin"];

export function Keys() {
  const { answer, fault } = useAnswer<KeyList>("/api/keys", orders.value);
  const made = useSignal<MadeKey | null>(null);
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const wanted = { name: given.get("name"), scopes: given.getAll("scope") };
    made.value = await order(() => send<MadeKey>("POST", "/api/keys", wanted), "The key is made.");
    if (made.value) form.reset();
  };
  return (
    <>
      <Fault text={fault} />
      {made.value && (
        <p class="secret">
          The key of {made.value.name}, which is shown only now: <code>{made.value.key}</code>
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">begins with</th>
            <th scope="col">may</th>
            <th scope="col">last used</th>
            <th scope="col">ends</th>
            <th scope="col">
              <span class="unseen">orders</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {answer?.keys.map((one) => (
            <Row one={one} key={one.id} />
          ))}
        </tbody>
      </table>
      <form class="row" onSubmit={(event) => void make(event)}>
        <label>
          Name <input name="name" required />
        </label>
        {SCOPES.map((scope) => (
          <label key={scope}>
            <input type="checkbox" name="scope" value={scope} checked={scope === "read"} /> {scope}
          </label>
        ))}
        <button type="submit">Make a key</button>
      </form>
    </>
  );
}

function Row({ one }: { one: KeyInfo }) {
  const revoke = () =>
    order(
      () => send("DELETE", `/api/keys/${encodeURIComponent(one.id)}`),
      `The key of ${one.name} is revoked.`,
    );
  return (
    <tr>
      <th scope="row">{one.name}</th>
      <td>
        <code>{one.prefix}</code>
      </td>
      <td>{one.scopes.join(", ")}</td>
      <td>
        <Time at={one.last_used_at} />
      </td>
      <td>{one.revoked_at ? "revoked" : <Time at={one.expires_at} />}</td>
      <td>
        {one.usable && (
          <button
            type="button"
            class="small"
            aria-label={`Revoke the key of ${one.name}`}
            onClick={() => void revoke()}
          >
            Revoke
          </button>
        )}
      </td>
    </tr>
  );
}
