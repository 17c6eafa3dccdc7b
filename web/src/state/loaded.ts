/** What is asked for once it is wanted: the areas, and their names. */

import { type Signal, signal } from "@preact/signals";
import type { Feature, FeatureCollection } from "geojson";
import { get, NoAnswer } from "../api/client";
import type { FirList, SectorList } from "../api/types";
import type { Area } from "../query/search";

/** FIRs, and approach units; none without the operator's files, or until they were asked for. */
export const firs = signal<readonly Feature[]>([]);
export const approaches = signal<readonly Feature[]>([]);
/** What of them can be searched for. */
export const areas = signal<readonly Area[]>([]);

/** Ask for the areas. A failure costs their outlines only, and is made up for at the next visit. */
export async function loadAreas(): Promise<void> {
  await Promise.all([load(firs, "firs"), load(approaches, "approaches")]);
}

async function load(into: Signal<readonly Feature[]>, list: string): Promise<void> {
  if (into.value.length > 0) return;
  const found = await ask<FeatureCollection>(`/api/${list}?format=geojson`);
  if (found) into.value = found.features;
}

/** Ask for the names of FIRs and sectors. A failure is made up for at the next search. */
export async function loadAreaNames(): Promise<void> {
  if (areas.value.length > 0) return;
  const [inFirs, inSectors] = await Promise.all([
    ask<FirList>("/api/firs"),
    ask<SectorList>("/api/sectors?kind=sector"),
  ]);
  areas.value = [
    ...(inFirs?.firs ?? []).map(({ id, name }): Area => ({ kind: "fir", name: id, about: name })),
    ...(inSectors?.sectors ?? []).map(({ name }): Area => ({ kind: "sector", name, about: "" })),
  ];
}

async function ask<T>(path: string): Promise<T | null> {
  try {
    return await get<T>(path);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return null;
  }
}
