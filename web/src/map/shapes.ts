/** Which shape an aircraft is drawn with. */

import type { Flight } from "../api/types";

/** In the order of the shapes in `sprites.ts`. */
export const SHAPES = ["jet", "heavy", "light", "helicopter", "ground"] as const;
export type Shape = (typeof SHAPES)[number];

// Of ICAO Doc 8643: the designators of helicopters that are flown on VATSIM, by their beginnings.
const HELICOPTERS =
  /^(A109|A119|A129|A139|A149|A169|A189|ALO|AS3|AS5|AS6|B06|B105|B212|B222|B230|B407|B412|B427|B429|B430|B47|B505|BK17|CH47|CH53|EC1|EC2|EC3|EC4|EC5|EC6|EC7|EN28|EN48|EXPL|G2CA|GAZL|H1|H2[0-9]|H4[0-9]|H5|H6|H64|K32|LYNX|MD5|MD6|MD9|MI|NH90|PUMA|R22|R44|R66|S61|S64|S65|S70|S76|S92|TIGR|UH|V22)/;

const ON_GROUND = new Set(["connected", "taxi_out", "taxi_in", "parked"]);

export function isOnGround(flight: Pick<Flight, "phase">): boolean {
  return flight.phase !== null && ON_GROUND.has(flight.phase);
}

export function shapeOf(flight: Pick<Flight, "phase" | "plan" | "flight_plan">): Shape {
  if (isOnGround(flight)) return "ground";
  const type = flight.plan?.aircraft_type ?? flight.flight_plan?.aircraft_short ?? "";
  if (HELICOPTERS.test(type)) return "helicopter";
  const wake = flight.plan?.wake_category;
  if (wake === "H" || wake === "J") return "heavy";
  return wake === "L" ? "light" : "jet";
}

/** What a transponder code says: hijack, no radio, or an emergency. */
export function emergency(squawk: string): string | null {
  if (squawk === "7500") return "Unlawful interference";
  if (squawk === "7600") return "Radio failure";
  return squawk === "7700" ? "Emergency" : null;
}
