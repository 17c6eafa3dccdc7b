/** Finds who and what is meant by a few letters. */

import type { Controller, Flight } from "../api/types";
import type { Selected } from "../state/address";

export type Found = Selected & { readonly about: string };

export type Area = {
  readonly kind: "fir" | "sector";
  readonly name: string;
  readonly about: string;
};

const MOST = 12;
const ICAO = /^[A-Z]{4}$/;

/** The best first: a callsign that begins so, then whatever has it in it. */
export function search(
  text: string,
  flights: readonly Flight[],
  stations: readonly Controller[],
  areas: readonly Area[],
  withPeople: boolean,
): readonly Found[] {
  const wanted = text.trim().toUpperCase();
  if (wanted === "") return [];
  const found: { rank: number; found: Found }[] = [];
  const add = (words: readonly (string | null | undefined)[], one: Found) => {
    const rank = rankOf(wanted, words);
    if (rank !== null) found.push({ rank, found: one });
  };
  for (const one of flights) {
    const plan = one.flight_plan;
    const people = withPeople ? [String(one.cid), one.name] : [];
    const about = plan ? `${plan.departure} → ${plan.arrival} ${plan.aircraft_short}` : "no plan";
    const words = [one.callsign, plan?.aircraft_short, one.plan?.registration, ...people];
    add(words, { kind: "flight", name: one.callsign, about });
  }
  for (const one of stations) {
    const people = withPeople ? [String(one.cid), one.name] : [];
    const words = [one.callsign, one.position.name, one.frequency, ...people];
    const about = [one.position.name, one.frequency].filter(Boolean).join(" ");
    add(words, { kind: "station", name: one.callsign, about });
  }
  for (const one of areas) add([one.name, one.about], one);
  // Airports without traffic have a board, too.
  const airports = new Set([...airportsOf(flights), ...(ICAO.test(wanted) ? [wanted] : [])]);
  for (const name of airports) add([name], { kind: "airport", name, about: "" });
  found.sort((one, other) => one.rank - other.rank || order(one.found.name, other.found.name));
  return found.slice(0, MOST).map((one) => one.found);
}

/** Lower is better; null: none of the words has it. The first word is the name. */
function rankOf(wanted: string, words: readonly (string | null | undefined)[]): number | null {
  const upper = words.map((each) => each?.toUpperCase() ?? "");
  if (upper[0] === wanted) return 0;
  if (upper[0]?.startsWith(wanted)) return 1;
  if (upper.some((each) => each.startsWith(wanted))) return 2;
  return upper.some((each) => each.includes(wanted)) ? 3 : null;
}

function airportsOf(flights: readonly Flight[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { plan } of flights) {
    if (plan?.departure_icao) found.add(plan.departure_icao);
    if (plan?.arrival_icao) found.add(plan.arrival_icao);
  }
  return found;
}

function order(one: string, other: string): number {
  return one < other ? -1 : 1;
}
