/** The map, which comes by itself after the page, and what stands over it. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { hint } from "../state/hint";
import { address } from "../state/page";
import { Age } from "./age";
import { Legend } from "./legend";
import { Marks } from "./marks";

export function MapArea() {
  const place = useRef<HTMLDivElement>(null);
  const fault = useSignal("");
  useEffect(() => {
    let end: (() => void) | null = null;
    let isGone = false;
    import("../map/view")
      .then(({ showMap }) => {
        if (!isGone && place.current) end = showMap(place.current);
      })
      .catch((error: unknown) => {
        fault.value = `The map cannot be drawn here (${error instanceof Error ? error.message : error}). The lists show the same.`;
      });
    return () => {
      isGone = true;
      end?.();
    };
  }, []);
  const below = hint.value;
  return (
    <div class="map-area">
      <div class="map" ref={place} />
      {fault.value && <p class="fault">{fault.value}</p>}
      {below && (
        <div class="hint" style={{ left: `${below.x}px`, top: `${below.y}px` }} aria-hidden="true">
          <b>{below.flight.callsign}</b> {below.flight.flight_plan?.aircraft_short ?? ""}{" "}
          {below.flight.altitude ?? "–"} ft {below.flight.groundspeed ?? "–"} kt
        </div>
      )}
      {address.value.embedded ? <Age /> : <Marks />}
      <Legend />
    </div>
  );
}
