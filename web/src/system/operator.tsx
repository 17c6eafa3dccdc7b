/** The operator's login, and what needs one and belongs to no single part. */

import { useEffect } from "preact/hooks";
import { send } from "../api/client";
import type { Reloaded } from "../api/types";
import { askWho, at, logIn, logOut, may, order, said, who } from "./session";

export function Operator({ node }: { node: string }) {
  useEffect(() => {
    void askWho();
  }, []);
  if (!who.value) return null;
  return (
    <section class="operator" aria-label="Operator">
      {may("admin") ? (
        <>
          <button type="button" onClick={() => void reload(node)}>
            Reload the settings
          </button>
          {who.value.login && (
            <button type="button" onClick={() => void logOut()}>
              Log out
            </button>
          )}
        </>
      ) : (
        who.value.login && <Login />
      )}
      <p role="status">{said.value}</p>
    </section>
  );
}

function Login() {
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    if (await logIn(String(new FormData(form).get("password") ?? ""))) form.reset();
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label>
        Operator's password{" "}
        <input type="password" name="password" autocomplete="current-password" />
      </label>
      <button type="submit">Log in</button>
    </form>
  );
}

async function reload(node: string): Promise<void> {
  const found = await order(() => send<Reloaded>("POST", at(node, "/api/config/reload")), "");
  if (!found) return;
  const changed = found.changed.map((one) => `${one.name}: ${one.before} → ${one.after}`);
  const later = found.needs_restart.map((name) => `${name} needs a restart`);
  said.value = [...changed, ...later, ...found.warnings].join("; ") || "No setting has changed.";
}

/** Restart a part of the tree. */
export function Restart({ path, node }: { path: string; node: string }) {
  if (!may("admin") || !path.includes("/")) return null;
  const restart = () =>
    order(
      () => send("POST", at(node, `/api/supervision/${path}/restart`)),
      `${path} is being restarted.`,
    );
  return (
    <button
      type="button"
      class="small"
      aria-label={`Restart ${path}`}
      onClick={() => void restart()}
    >
      Restart
    </button>
  );
}
