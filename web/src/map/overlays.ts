/** What lies over the base map beside aircraft: areas, stations, names, tracks, contacts. */

import type { AllPaintProperties, LayerSpecification, Map as MapView } from "maplibre-gl";
import { FONT } from "./base";
import type { Theme } from "./colours";

export const SOURCES = [
  "areas",
  "ranges",
  "track",
  "way",
  "contacts",
  "stations",
  "signs",
] as const;
export type SourceName = (typeof SOURCES)[number];

const NOTHING = { type: "FeatureCollection" as const, features: [] };

type Inks = {
  area: string;
  staffed: string;
  way: string;
  contact: string;
  station: string;
  sign: string;
  halo: string;
};

const INKS: Record<Theme, Inks> = {
  light: {
    area: "#8a99a6",
    staffed: "#0a7d55",
    way: "#7a5c00",
    contact: "#7b2d8b",
    station: "#0a5a3e",
    sign: "#23282d",
    halo: "#ffffff",
  },
  dark: {
    area: "#4c5c69",
    staffed: "#38c793",
    way: "#d9b84a",
    contact: "#d68be3",
    station: "#7fe3bd",
    sign: "#e4e9ee",
    halo: "#0b1014",
  },
};

export function addOverlays(map: MapView, theme: Theme): void {
  for (const name of SOURCES) map.addSource(name, { type: "geojson", data: NOTHING });
  for (const layer of layers()) map.addLayer(layer);
  paintOverlays(map, theme);
}

/** Aircraft are drawn below this layer. */
export const ABOVE_AIRCRAFT = "signs";

export function paintOverlays(map: MapView, theme: Theme): void {
  const ink = INKS[theme];
  const staffed = ["case", ["get", "staffed"], ink.staffed, ink.area];
  const paints: [layer: string, name: keyof AllPaintProperties, value: unknown][] = [
    ["areas-fill", "fill-color", ink.staffed],
    ["areas-line", "line-color", staffed],
    ["ranges-fill", "fill-color", ink.staffed],
    ["ranges-line", "line-color", ink.staffed],
    ["way", "line-color", ink.way],
    ["contacts", "line-color", ink.contact],
    ["stations", "text-color", ink.station],
    ["stations", "text-halo-color", ink.halo],
    ["signs", "text-color", ink.sign],
    ["signs", "text-halo-color", ink.halo],
  ];
  for (const [layer, name, value] of paints) map.setPaintProperty(layer, name, value as never);
}

function layers(): LayerSpecification[] {
  return [
    {
      id: "areas-fill",
      type: "fill",
      source: "areas",
      filter: ["get", "staffed"],
      paint: { "fill-opacity": 0.1 },
    },
    {
      id: "areas-line",
      type: "line",
      source: "areas",
      paint: {
        "line-width": ["case", ["get", "chosen"], 3, ["get", "staffed"], 1.2, 0.5],
        "line-opacity": ["case", ["any", ["get", "chosen"], ["get", "staffed"]], 0.9, 0.5],
      },
    },
    { id: "ranges-fill", type: "fill", source: "ranges", paint: { "fill-opacity": 0.06 } },
    {
      id: "ranges-line",
      type: "line",
      source: "ranges",
      paint: { "line-width": 1, "line-dasharray": [3, 3] },
    },
    {
      id: "way",
      type: "line",
      source: "way",
      paint: { "line-width": 1.5, "line-dasharray": [2, 2] },
    },
    {
      id: "track",
      type: "line",
      source: "track",
      paint: { "line-width": 3, "line-color": ["get", "colour"] },
    },
    {
      id: "contacts",
      type: "line",
      source: "contacts",
      paint: { "line-width": 1.5, "line-dasharray": [1, 1.5] },
    },
    {
      id: "stations",
      type: "symbol",
      source: "stations",
      layout: {
        "text-field": ["get", "text"],
        "text-font": FONT,
        "text-size": 12,
        "text-line-height": 1.1,
        "symbol-sort-key": ["get", "order"],
      },
      paint: { "text-halo-width": 1.5 },
    },
    {
      id: "signs",
      type: "symbol",
      source: "signs",
      layout: {
        "text-field": ["get", "text"],
        "text-font": FONT,
        "text-size": 11,
        "text-variable-anchor": ["left", "right", "top", "bottom"],
        "text-radial-offset": 1.1,
        "text-justify": "auto",
        "symbol-sort-key": ["get", "order"],
      },
      paint: { "text-halo-width": 1.5 },
    },
  ];
}
