/** The way that the selected flight has flown: from the service, and on from there as snapshots come. */

import { effect, signal } from "@preact/signals";
import { get, NoAnswer } from "../api/client";
import type { Track, TrackPoint } from "../api/types";
import { extended, type Parts, parts } from "../live/track-parts";
import { records, selected, version } from "./page";

export const track = signal<Parts>([]);
/** Why the service did not tell it; empty if it did. */
export const trackFault = signal("");
/** Whose it is. */
let callsign: string | null = null;

/** Have it whenever a flight is selected, as long as the page is open. */
export function followTrack(): void {
  effect(() => {
    void load(selected.value?.kind === "flight" ? selected.value.name : null);
  });
  effect(() => {
    version.value;
    const flight = callsign === null ? null : records.flightOf(callsign);
    if (flight === null || records.updatedAt === null) return;
    const { latitude, longitude, altitude, groundspeed, heading } = flight;
    const time = records.updatedAt;
    const point: TrackPoint = { time, latitude, longitude, altitude, groundspeed, heading };
    track.value = extended(track.peek(), point);
  });
}

async function load(wanted: string | null): Promise<void> {
  if (wanted === callsign) return;
  callsign = wanted;
  track.value = [];
  trackFault.value = "";
  if (wanted === null) return;
  try {
    const found = await get<Track>(`/api/flights/${encodeURIComponent(wanted)}/track`);
    if (callsign !== wanted) return;
    const since = track.peek().flat();
    track.value = since.reduce(extended, parts(found.points));
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (callsign === wanted) trackFault.value = error.message;
  }
}
