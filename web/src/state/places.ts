/** Where airports are, as far as the page has been told. */

import { signal } from "@preact/signals";
import { get, NoAnswer } from "../api/client";
import type { AirportBoard } from "../api/types";
import type { Point } from "../map/lines";

const known = new Map<string, Point | null>();
/** Changes with each place that has become known. */
const count = signal(0);

/** Its place; null while it is being asked for, or if there is none. */
export function placeOf(icao: string): Point | null {
  count.value;
  const found = known.get(icao);
  if (found !== undefined) return found;
  known.set(icao, null);
  void ask(icao);
  return null;
}

async function ask(icao: string): Promise<void> {
  try {
    const board = await get<AirportBoard>(`/api/airports/${encodeURIComponent(icao)}`);
    known.set(icao, [board.longitude, board.latitude]);
    count.value += 1;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    // Who is not known stays so; what could not be asked is asked again when it is wanted again.
    if (error.status !== 404) known.delete(icao);
  }
}
