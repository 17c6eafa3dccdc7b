/** Who is online, kept up to date by what the stream tells. */

import type { Atis, Controller, Flight } from "../api/types";

export type Snapshot = {
  readonly updated_at: string | null;
  readonly flights: readonly Flight[];
  readonly controllers: readonly Controller[];
  readonly atis: readonly Atis[];
};

type Part = Partial<Flight & Controller & Atis>;

export type Delta = {
  readonly updated_at: string;
  readonly changed: readonly Part[];
  readonly gone: readonly string[];
};

export class Records {
  readonly flights = new Map<string, Flight>();
  readonly controllers = new Map<string, Controller>();
  readonly atis = new Map<string, Atis>();
  updatedAt: string | null = null;

  /** Have these and no others. */
  replace(all: Snapshot): void {
    refill(this.flights, all.flights, (one) => one.flight_id);
    refill(this.controllers, all.controllers, (one) => one.session_id);
    refill(this.atis, all.atis, (one) => one.callsign);
    this.updatedAt = all.updated_at;
  }

  /** Change what is different. A record is never changed itself: who has the old one keeps it. */
  apply(delta: Delta): void {
    for (const part of delta.changed) {
      if (part.flight_id !== undefined) merge(this.flights, part.flight_id, part);
      else if (part.session_id !== undefined) merge(this.controllers, part.session_id, part);
      else if (part.callsign !== undefined) merge(this.atis, part.callsign, part);
    }
    for (const id of delta.gone) {
      this.flights.delete(id);
      this.controllers.delete(id);
      this.atis.delete(id);
    }
    this.updatedAt = delta.updated_at;
  }

  flightOf(callsign: string): Flight | null {
    return byCallsign(this.flights, callsign);
  }

  controllerOf(callsign: string): Controller | null {
    return byCallsign(this.controllers, callsign);
  }
}

function refill<T>(into: Map<string, T>, from: readonly T[], id: (one: T) => string): void {
  into.clear();
  for (const one of from) into.set(id(one), one);
}

function merge<T extends object>(into: Map<string, T>, id: string, part: object): void {
  // Of a record that is new all fields come.
  into.set(id, { ...into.get(id), ...part } as T);
}

function byCallsign<T extends { callsign: string }>(all: Map<string, T>, sign: string): T | null {
  for (const one of all.values()) if (one.callsign === sign) return one;
  return null;
}
