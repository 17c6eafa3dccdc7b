/** What a click on the map means, and what lies below the pointer. */

import { batch } from "@preact/signals";
import type { MapGeoJSONFeature, MapMouseEvent, Map as MapView } from "maplibre-gl";
import type { Kind, Selected } from "../state/address";
import { hint } from "../state/hint";
import { select } from "../state/page";
import { nearest, viewOf } from "./aircraft-layer";
import type { DrawnFlight, Traffic } from "./traffic";

// A finger needs more room than a pointer.
const POINTER_PX = 16;
const FINGER_PX = 28;
const LAYERS = ["stations", "ranges-fill", "areas-fill"];

/** Select what is clicked. Returns how to stop. */
export function listen(map: MapView, traffic: Traffic, now: () => number): () => void {
  const coarse = window.matchMedia("(pointer: coarse)");
  const flightAt = ({ point }: MapMouseEvent): DrawnFlight | null => {
    const within = coarse.matches ? FINGER_PX : POINTER_PX;
    return nearest(traffic.flights, point, within, viewOf(map), traffic.time(now()));
  };
  const selectAt = (event: MapMouseEvent) => {
    const flight = flightAt(event)?.flight;
    if (flight) return select({ kind: "flight", name: flight.callsign });
    select(named(map.queryRenderedFeatures(event.point, { layers: LAYERS })));
  };
  let frame: number | undefined;
  const look = (event: MapMouseEvent) => {
    if (frame !== undefined) cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const found = flightAt(event)?.flight ?? null;
      const below = found ? [] : map.queryRenderedFeatures(event.point, { layers: ["stations"] });
      map.getCanvas().style.cursor = found || below.length > 0 ? "pointer" : "";
      batch(() => {
        hint.value = found && { flight: found, x: event.point.x, y: event.point.y };
      });
    });
  };
  const leave = () => {
    hint.value = null;
  };
  map.on("click", selectAt);
  map.on("mousemove", look);
  map.on("mouseout", leave);
  map.on("movestart", leave);
  return () => {
    map.off("click", selectAt);
    map.off("mousemove", look);
    map.off("mouseout", leave);
    map.off("movestart", leave);
    leave();
  };
}

/** The nearest of them to a name: a place before the area that it lies in. */
function named(features: readonly MapGeoJSONFeature[]): Selected | null {
  for (const layer of LAYERS) {
    const found = features.find((one) => one.layer.id === layer);
    const { kind, name } = found?.properties ?? {};
    if (kind && name) return { kind: kind as Kind, name: String(name) };
  }
  return null;
}
