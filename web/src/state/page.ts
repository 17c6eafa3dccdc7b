/** What the page shows, and what it has been told: everything that its parts have in common. */

import { computed, signal } from "@preact/signals";
import { clocks, ServerClock } from "../live/clock";
import { Records } from "../live/records";
import type { Link } from "../live/stream";
import { type Address, readAddress, type Selected, writeAddress } from "./address";

export const address = signal<Address>(readAddress(location.search));

/** Show something else. `remember`: as a step that the browser's "back" takes back. */
export function show(change: Partial<Address>, { remember = false } = {}): void {
  const next = { ...address.peek(), ...change };
  address.value = next;
  const url = location.pathname + writeAddress(next);
  if (remember) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
}

export function select(selected: Selected | null): void {
  show({ selected }, { remember: true });
}

window.addEventListener("popstate", () => {
  address.value = readAddress(location.search);
});

// Parts of it that change seldom: the address changes with each move of the map.
export const selected = computed(() => address.value.selected);
export const marked = computed(() => address.value.marked);
export const onlyMarked = computed(() => address.value.onlyMarked);
export const colourBy = computed(() => address.value.colourBy);

// --- what the stream told ------------------------------------------------------------------------

/** Changed in place: who reads it must read `version`, too. */
export const records = new Records();
export const version = signal(0);
export const link = signal<Link>("connecting");
/** Why the service refuses the stream, in its own words; empty if it does not, or is not there. */
export const refusal = signal("");

export const flights = computed(() => {
  version.value;
  return [...records.flights.values()];
});
export const controllers = computed(() => {
  version.value;
  return [...records.controllers.values()];
});
export const atis = computed(() => {
  version.value;
  return [...records.atis.values()];
});

// --- time ----------------------------------------------------------------------------------------

export const clock = new ServerClock();
/** Milliseconds since 1970 at the service, each second. */
export const now = signal(Date.now());

export function tick(): void {
  now.value = clock.now(clocks());
}

/** How old the live state is, in seconds; null while there is none. */
export const ageS = computed(() => {
  version.value;
  const at = records.updatedAt;
  return at === null ? null : Math.max(0, (now.value - Date.parse(at)) / 1000);
});

// --- the theme -----------------------------------------------------------------------------------

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(dark.matches);
dark.addEventListener("change", () => {
  systemIsDark.value = dark.matches;
});

export const theme = computed(() => {
  const { look } = address.value;
  if (look !== "auto") return look;
  return systemIsDark.value ? "dark" : "light";
});
