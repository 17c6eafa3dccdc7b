/** Who looks at the service, and what it says to what he has it do. */

import { signal } from "@preact/signals";
import { get, NoAnswer, send } from "../api/client";
import type { Scope, WhoAmI } from "../api/types";

/** Null until the service has said it. */
export const who = signal<WhoAmI | null>(null);
/** What became of the last order. */
export const said = signal("");
/** Changes with each order, so that what it may have changed is asked for again. */
export const orders = signal(0);

export function may(scope: Scope): boolean {
  const scopes = who.value?.scopes ?? [];
  return scopes.includes("admin") || scopes.includes(scope);
}

/** Have something done, and tell what became of it. Returns its answer; null if there is none. */
export async function order<T>(what: () => Promise<T | null>, done: string): Promise<T | null> {
  try {
    const answer = await what();
    said.value = done;
    return answer;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    said.value = error.message;
    return null;
  } finally {
    orders.value += 1;
  }
}

export async function askWho(): Promise<void> {
  await order(async () => {
    who.value = await get<WhoAmI>("/api/session");
    return null;
  }, "");
}

export async function logIn(password: string): Promise<boolean> {
  const found = await order(() => send<WhoAmI>("POST", "/api/session", { password }), "");
  if (found !== null) who.value = found;
  return found !== null;
}

export async function logOut(): Promise<void> {
  await order(() => send("DELETE", "/api/session"), "");
  await askWho();
}

/** The path of a question to one node; empty: to who answers. */
export function at(node: string, path: string): string {
  if (node === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}node=${encodeURIComponent(node)}`;
}
