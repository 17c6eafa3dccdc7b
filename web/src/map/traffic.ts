/** What is drawn of each flight, kept from one snapshot to the next so that nothing jumps. */

import type { Flight } from "../api/types";
import type { Filter } from "../query/filters";
import type { Drawn } from "./aircraft-layer";
import { type Colour, type ColourBy, colourOf, type Theme } from "./colours";
import { followed, INTERVAL_S, type Motion, type Place, placeAt } from "./reckoning";
import { emergency, type Shape, shapeOf } from "./shapes";

export type DrawnFlight = Drawn & { readonly flight: Flight };

export type Manner = {
  readonly theme: Theme;
  readonly colourBy: ColourBy;
  readonly marks: readonly { readonly filter: Filter; readonly rgb: Colour }[];
  readonly onlyMarked: boolean;
  /** The `flight_id` of who is selected. */
  readonly selected: string | null;
};

const SIZES: Record<Shape, number> = { jet: 26, heavy: 32, light: 22, helicopter: 24, ground: 14 };
const RING_PX = 40;
const ALARM: Colour = [225, 29, 45];
const CHOSEN: Record<Theme, Colour> = { light: [0, 92, 197], dark: [92, 178, 255] };
const DIMMED = 0.3;
// Snapshots come each 15 s, some seconds after their time. From then on it is not known how things
// went on, so all stand.
const LATE_S = 20;

export class Traffic {
  readonly #motions = new Map<string, Motion>();
  #drawn: readonly DrawnFlight[] = [];
  #rings: readonly Drawn[] = [];
  #stopAt = Number.POSITIVE_INFINITY;

  /** Aircraft, without what is drawn around them. */
  get flights(): readonly DrawnFlight[] {
    return this.#drawn;
  }

  /** All that is drawn, the lowest first. */
  get drawn(): readonly Drawn[] {
    return [...this.#drawn, ...this.#rings];
  }

  /** A snapshot of this time has come. Times are in seconds since 1970. */
  take(flights: readonly Flight[], updatedAt: number, now: number): void {
    const gone = new Set(this.#motions.keys());
    for (const flight of flights) {
      gone.delete(flight.flight_id);
      const before = this.#motions.get(flight.flight_id) ?? null;
      const at = Math.min(Date.parse(flight.last_updated) / 1000 || updatedAt, updatedAt);
      const { longitude, latitude, groundspeed, heading } = flight;
      const report = { longitude, latitude, groundspeed, heading, at };
      this.#motions.set(flight.flight_id, followed(before, report, now));
    }
    for (const id of gone) this.#motions.delete(id);
    this.#stopAt = updatedAt + INTERVAL_S + LATE_S;
  }

  /** The time by which places are told: it stands when nothing new has come for too long. */
  time(now: number): number {
    return Math.min(now, this.#stopAt);
  }

  draw(flights: readonly Flight[], manner: Manner): void {
    const drawn: DrawnFlight[] = [];
    const rings: Drawn[] = [];
    for (const flight of flights) {
      const motion = this.#motions.get(flight.flight_id);
      const one = motion && drawnAs(flight, motion, manner);
      if (!one) continue;
      drawn.push(one);
      const ring = ringOf(flight, manner);
      if (ring) rings.push({ ...one, sprite: "ring", size: RING_PX, colour: ring, alpha: 1 });
    }
    // The high ones above the low ones.
    drawn.sort((one, other) => (one.flight.altitude ?? 0) - (other.flight.altitude ?? 0));
    this.#drawn = drawn;
    this.#rings = rings;
  }

  placeOf(flightId: string, now: number): Place | null {
    const motion = this.#motions.get(flightId);
    return motion ? placeAt(motion, this.time(now)) : null;
  }
}

function drawnAs(flight: Flight, motion: Motion, manner: Manner): DrawnFlight | null {
  const mark = manner.marks.find(({ filter }) => filter(flight));
  const isSelected = flight.flight_id === manner.selected;
  if (!mark && manner.onlyMarked && !isSelected) return null;
  const sprite = shapeOf(flight);
  return {
    flight,
    motion,
    sprite,
    heading: flight.heading ?? 0,
    size: SIZES[sprite],
    colour: mark?.rgb ?? colourOf(flight, manner.colourBy, manner.theme),
    alpha: mark || isSelected || manner.marks.length === 0 ? 1 : DIMMED,
  };
}

function ringOf(flight: Flight, manner: Manner): Colour | null {
  if (emergency(flight.transponder)) return ALARM;
  return flight.flight_id === manner.selected ? CHOSEN[manner.theme] : null;
}
