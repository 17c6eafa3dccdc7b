// The base map: Natural Earth's land, borders and names of countries, of the package world-atlas.
//
// Its polygons are made for a sphere, and lead over the antimeridian. A flat map fills such a
// polygon wrongly, so they are cut there.

import { readFile } from "node:fs/promises";
import { geoArea, geoCentroid, geoEquirectangularRaw, geoProjection } from "d3-geo";
import { geoProject } from "d3-geo-projection";
import { feature, mesh } from "topojson-client";
import { topology } from "topojson-server";

const DEGREES = 180 / Math.PI;
// Smaller countries are named only when the map is near; see `rank`.
const LARGE_SR = 0.02;
const MIDDLE_SR = 0.003;

/** TopoJSON with `land`, `borders` and `names`, as text. `grid`: how many steps a side has. */
export async function world(folder, resolution, grid) {
  const text = await readFile(`${folder}/countries-${resolution}.json`, "utf8");
  const atlas = JSON.parse(text);
  const { countries, land } = atlas.objects;
  const flat = geoProjection(geoEquirectangularRaw)
    .scale(DEGREES)
    .translate([0, 0])
    .reflectY(true)
    .precision(0);
  const made = {
    land: geoProject(feature(atlas, land), flat),
    borders: geoProject(
      mesh(atlas, countries, (one, other) => one !== other),
      flat,
    ),
    names: { type: "FeatureCollection", features: feature(atlas, countries).features.map(named) },
  };
  return JSON.stringify(topology(made, grid));
}

/** The name of a country, in the middle of its largest part. */
function named(country) {
  const parts =
    country.geometry.type === "Polygon"
      ? [country.geometry]
      : country.geometry.coordinates.map((coordinates) => ({ type: "Polygon", coordinates }));
  const largest = parts.reduce((best, part) => (geoArea(part) > geoArea(best) ? part : best));
  return {
    type: "Feature",
    properties: { name: country.properties.name, rank: rank(geoArea(largest)) },
    geometry: { type: "Point", coordinates: geoCentroid(largest) },
  };
}

function rank(area) {
  if (area > LARGE_SR) return 0;
  return area > MIDDLE_SR ? 1 : 2;
}
