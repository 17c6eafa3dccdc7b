/** The map: made once, and kept as the page's state says. */

import { effect } from "@preact/signals";
import type { Feature } from "geojson";
import type { GeoJSONSource } from "maplibre-gl";
import { AttributionControl, Map as MapView, NavigationControl, setWorkerUrl } from "maplibre-gl";
import { freshness } from "../live/age";
import { clocks } from "../live/clock";
import type { Selected } from "../state/address";
import { approaches, firs, loadAreas } from "../state/loaded";
import { marks } from "../state/marks";
import {
  address,
  atis,
  clock,
  colourBy,
  controllers,
  flights,
  onlyMarked,
  records,
  selected,
  show,
  theme,
  version,
} from "../state/page";
import { placeOf } from "../state/places";
import { track } from "../state/track";
import { AircraftLayer } from "./aircraft-layer";
import { basePaint, baseStyle, loadWorld, worldFor } from "./base";
import {
  areaFeatures,
  collection,
  contactFeatures,
  idOf,
  middleOf,
  rangeFeatures,
  stationFeatures,
  trackFeatures,
  wayFeature,
} from "./features";
import type { Point } from "./lines";
import { ABOVE_AIRCRAFT, addOverlays, paintOverlays, type SourceName } from "./overlays";
import { framePause } from "./pace";
import { listen } from "./pointer";
import { degrees, signFeatures } from "./signs";
import { Traffic } from "./traffic";

declare const MAP_WORKER: string;

const START = { longitude: 8, latitude: 40, zoom: 1.6 };
const SECOND_MS = 1_000;
const NEAR_ZOOM = 5.5;
// After the base map could not be had.
const AGAIN_MS = 5_000;
const FADED = 0.4;
const LINES = { light: [255, 255, 255], dark: [8, 12, 16] } as const;

export const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Seconds since 1970 at the service. */
function seconds(): number {
  return clock.now(clocks()) / 1000;
}

/** Show the map in this element. Returns how to end it. */
export function showMap(container: HTMLElement): () => void {
  setWorkerUrl(MAP_WORKER);
  const { camera } = address.value;
  const { longitude, latitude, zoom } = camera ?? START;
  const map = new MapView({
    container,
    style: baseStyle(theme.value),
    center: [longitude, latitude],
    zoom,
    minZoom: 0.8,
    maxZoom: 18,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    rollEnabled: false,
    attributionControl: false,
    fadeDuration: still.matches ? 0 : 200,
    maxPitch: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new AttributionControl({ compact: true, customAttribution: "Natural Earth" }));
  const scene = new Scene(map);
  map.once("load", () => scene.begin());
  return () => {
    scene.end();
    map.remove();
  };
}

class Scene {
  readonly #map: MapView;
  readonly #traffic = new Traffic();
  readonly #aircraft = new AircraftLayer();
  readonly #ends: (() => void)[] = [];
  #world: "far" | "near" | null = null;
  /** What was selected last and could be seen. */
  #shown: Selected | null = null;
  #frame: number | undefined;
  #again: number | undefined;
  #isOver = false;

  constructor(map: MapView) {
    this.#map = map;
  }

  begin(): void {
    const map = this.#map;
    addOverlays(map, theme.value);
    this.#aircraft.time = () => this.#traffic.time(seconds());
    map.addLayer(this.#aircraft, ABOVE_AIRCRAFT);
    this.#ends.push(
      effect(() => this.#take(version.value)),
      effect(() => this.#draw()),
      effect(() => this.#paint()),
      effect(() => this.#drawStations()),
      effect(() => this.#drawSelected()),
      effect(() => this.#goTo()),
      listen(map, this.#traffic, seconds),
    );
    const signs = window.setInterval(() => this.#drawSigns(), SECOND_MS);
    this.#ends.push(() => clearInterval(signs));
    map.on("moveend", () => this.#moved());
    this.#moved();
    this.#pace();
    void loadAreas();
    const place = map.getContainer();
    map.once("render", () => {
      // Milliseconds since the page was asked for: who measures reads it here.
      place.dataset["firstFrame"] = String(Math.round(performance.now()));
    });
    map.triggerRepaint();
    place.dataset["ready"] = "true";
  }

  end(): void {
    this.#isOver = true;
    clearTimeout(this.#frame);
    clearTimeout(this.#again);
    for (const end of this.#ends) end();
  }

  // --- aircraft ----------------------------------------------------------------------------------

  #take(_version: number): void {
    const { updatedAt } = records;
    if (updatedAt === null) return;
    this.#traffic.take([...records.flights.values()], Date.parse(updatedAt) / 1000, seconds());
  }

  #draw(): void {
    const manner = {
      theme: theme.value,
      colourBy: colourBy.value,
      onlyMarked: onlyMarked.value,
      marks: marks.value,
      selected: selectedFlight()?.flight_id ?? null,
    };
    this.#traffic.draw(flights.value, manner);
    this.#aircraft.show(this.#traffic.drawn);
    this.#drawSigns();
  }

  #drawSigns(): void {
    const map = this.#map;
    const bounds = map.getBounds();
    const sight = {
      west: bounds.getWest(),
      south: bounds.getSouth(),
      east: bounds.getEast(),
      north: bounds.getNorth(),
    };
    const time = this.#traffic.time(seconds());
    const chosen = selectedFlight()?.flight_id ?? null;
    this.#fill("signs", signFeatures(this.#traffic.flights, map.getZoom(), sight, time, chosen));
    this.#drawContacts(time);
    const at = records.updatedAt;
    const age = at === null ? null : seconds() - Date.parse(at) / 1000;
    const fade = freshness(age) === "fresh" ? 1 : FADED;
    if (fade !== this.#aircraft.fade) map.triggerRepaint();
    this.#aircraft.fade = fade;
  }

  /** Draw again and again, as often as something is seen to move. */
  #pace(): void {
    const map = this.#map;
    const pause = framePause(map.getZoom(), map.getCenter().lat);
    this.#frame = window.setTimeout(() => {
      if (!document.hidden && !still.matches) map.triggerRepaint();
      this.#pace();
    }, pause);
  }

  // --- what lies below and around ------------------------------------------------------------------

  #paint(): void {
    for (const [layer, name, value] of basePaint(theme.value)) {
      this.#map.setPaintProperty(layer, name, value);
    }
    paintOverlays(this.#map, theme.value);
    this.#aircraft.line = LINES[theme.value];
  }

  #drawStations(): void {
    const stations = controllers.value;
    const known = new Set([...firs.value, ...approaches.value].map(idOf));
    this.#fill("stations", stationFeatures(stations, atis.value));
    this.#fill("areas", areaFeatures(firs.value, approaches.value, stations, selected.value));
    this.#fill("ranges", rangeFeatures(stations, known));
  }

  #drawContacts(time: number): void {
    const chosen = selected.value;
    if (chosen?.kind !== "flight" && chosen?.kind !== "station") {
      this.#fill("contacts", []);
      return;
    }
    const moved = this.#traffic.flights.map(({ flight }) => {
      const place = this.#traffic.placeOf(flight.flight_id, time);
      const [longitude, latitude] = place ? degrees(place) : [flight.longitude, flight.latitude];
      return { ...flight, longitude, latitude };
    });
    const isWanted = (flight: { callsign: string }, station: string) =>
      chosen.kind === "flight" ? flight.callsign === chosen.name : station === chosen.name;
    const byCallsign = new Map(controllers.value.map((one) => [one.callsign, one]));
    this.#fill(
      "contacts",
      contactFeatures(moved, (sign) => byCallsign.get(sign) ?? null, isWanted),
    );
  }

  #drawSelected(): void {
    this.#fill("track", trackFeatures(track.value, theme.value));
    const flight = selectedFlight();
    const to = flight?.plan?.arrival_icao ? placeOf(flight.plan.arrival_icao) : null;
    this.#fill("way", flight && to ? [wayFeature([flight.longitude, flight.latitude], to)] : []);
  }

  /** Show what was selected, once it is known where that is, if it is out of sight. */
  #goTo(): void {
    const chosen = selected.value;
    version.value;
    if (chosen === null || chosen === this.#shown) return;
    const target = targetOf(chosen);
    if (target === null) return;
    this.#shown = chosen;
    if (this.#map.getBounds().contains([...target])) return;
    const zoom = Math.max(this.#map.getZoom(), NEAR_ZOOM);
    const how = { center: [...target] as [number, number], zoom };
    if (still.matches) this.#map.jumpTo(how);
    else this.#map.flyTo(how);
  }

  #moved(): void {
    const { lng, lat } = this.#map.getCenter().wrap();
    show({ camera: { longitude: lng, latitude: lat, zoom: this.#map.getZoom() } });
    this.#drawSigns();
    void this.#drawWorld();
  }

  async #drawWorld(): Promise<void> {
    clearTimeout(this.#again);
    const before = this.#world;
    // The small one is there soonest, however near one looks.
    const wanted = before === null ? "far" : worldFor(this.#map.getZoom());
    if (wanted === before || before === "near") return;
    this.#world = wanted;
    const world = await loadWorld(wanted);
    if (this.#isOver || this.#world !== wanted) return;
    if (world === null) {
      this.#world = before;
      this.#again = window.setTimeout(() => void this.#drawWorld(), AGAIN_MS);
      return;
    }
    for (const [name, data] of Object.entries(world)) source(this.#map, name).setData(data);
    void this.#drawWorld();
  }

  #fill(name: SourceName, features: Feature[]): void {
    source(this.#map, name).setData(collection(features));
  }
}

function source(map: MapView, name: string): GeoJSONSource {
  const found = map.getSource(name);
  if (found === undefined) throw new Error(`the map has no source ${name}`);
  return found as GeoJSONSource;
}

function selectedFlight() {
  version.value;
  return selected.value?.kind === "flight" ? records.flightOf(selected.value.name) : null;
}

function targetOf({ kind, name }: Selected): Point | null {
  if (kind === "airport") return placeOf(name);
  if (kind === "fir") {
    const area = firs.value.find((one) => idOf(one) === name);
    return area ? middleOf(area) : null;
  }
  const found = kind === "flight" ? records.flightOf(name) : records.controllerOf(name);
  if (!found || found.latitude === null || found.longitude === null) return null;
  return [found.longitude, found.latitude];
}
