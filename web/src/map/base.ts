/** The base map: land, borders and names of countries, in the colours of a theme. */

import type { AllPaintProperties, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { feature } from "topojson-client";
import type { Topology } from "topojson-specification";
import type { Theme } from "./colours";

declare const WORLD_FAR: string;
declare const WORLD_NEAR: string;

export const FONT = ["Inter Variable"];
// From here on coasts of 1:110,000,000 look like polygons.
const NEAR_ZOOM = 2.5;

type Paint = { sea: string; land: string; border: string; name: string; halo: string };

const PAINTS: Record<Theme, Paint> = {
  light: { sea: "#d5dfe6", land: "#f6f5f1", border: "#c3bfb4", name: "#6d6a62", halo: "#f6f5f1" },
  dark: { sea: "#10161c", land: "#1d252d", border: "#36424d", name: "#8b98a5", halo: "#1d252d" },
};

const NOTHING = { type: "FeatureCollection" as const, features: [] };
const PARTS = ["land", "borders", "names"] as const;

export function baseStyle(theme: Theme): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(PARTS.map((part) => [part, { type: "geojson", data: NOTHING }])),
    layers: baseLayers(theme),
  };
}

function baseLayers(theme: Theme): LayerSpecification[] {
  const paint = PAINTS[theme];
  return [
    { id: "sea", type: "background", paint: { "background-color": paint.sea } },
    { id: "land", type: "fill", source: "land", paint: { "fill-color": paint.land } },
    {
      id: "borders",
      type: "line",
      source: "borders",
      paint: { "line-color": paint.border, "line-width": 0.8 },
    },
    {
      id: "names",
      type: "symbol",
      source: "names",
      // Small countries have a name once they are wide enough for it.
      filter: ["<=", ["get", "rank"], ["step", ["zoom"], 0, 3, 1, 4.5, 2]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 2, 10, 6, 14],
        "text-max-width": 7,
        "text-transform": "uppercase",
        "text-letter-spacing": 0.08,
      },
      paint: { "text-color": paint.name, "text-halo-color": paint.halo, "text-halo-width": 1 },
    },
  ];
}

/** Another theme for the same layers: each paint property, for `setPaintProperty`. */
export function basePaint(
  theme: Theme,
): readonly [layer: string, name: keyof AllPaintProperties, value: string][] {
  const paint = PAINTS[theme];
  return [
    ["sea", "background-color", paint.sea],
    ["land", "fill-color", paint.land],
    ["borders", "line-color", paint.border],
    ["names", "text-color", paint.name],
    ["names", "text-halo-color", paint.halo],
  ];
}

export type World = Record<(typeof PARTS)[number], GeoJSON.GeoJSON>;

/** The world as it is to be seen from afar at first, and what a nearer look needs. */
export function worldFor(zoom: number): "far" | "near" {
  return zoom < NEAR_ZOOM ? "far" : "near";
}

/** The world; null if it cannot be had now. */
export async function loadWorld(which: "far" | "near"): Promise<World | null> {
  const topology = await fetched(which === "far" ? WORLD_FAR : WORLD_NEAR);
  if (topology === null) return null;
  return Object.fromEntries(
    PARTS.map((part) => {
      const found = topology.objects[part];
      if (found === undefined) throw new Error(`the base map has no ${part}`);
      return [part, feature(topology, found)];
    }),
  ) as World;
}

/** From the browser's cache, if it is there: its name changes with what is in it. */
async function fetched(file: string): Promise<Topology | null> {
  try {
    const answer = await fetch(file);
    return answer.ok ? ((await answer.json()) as Topology) : null;
  } catch {
    return null; // there is no link, or it was cut
  }
}
