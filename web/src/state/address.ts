/** What the page shows, as its address says it: a link shows the same to somebody else. */

import type { ColourBy } from "../map/colours";

export type View = "map" | "lists" | "system";
export type Kind = "flight" | "station" | "airport" | "fir" | "sector";
export type Selected = { readonly kind: Kind; readonly name: string };
export type Look = "auto" | "light" | "dark";
export type List = "flights" | "controllers" | "airports";

/** Who is shown in a colour of its own; `text` is a question as the API has it. */
export type Marked = { readonly text: string; readonly colour: number };

export type Camera = {
  readonly longitude: number;
  readonly latitude: number;
  readonly zoom: number;
};

export type Address = {
  readonly view: View;
  readonly selected: Selected | null;
  /** Which list is shown in the view of lists. */
  readonly list: List;
  /** Which flights the list has: a question as the API has it. */
  readonly filter: string;
  readonly camera: Camera | null;
  readonly marked: readonly Marked[];
  readonly onlyMarked: boolean;
  readonly colourBy: ColourBy;
  readonly look: Look;
  readonly hidesPeople: boolean;
  /** In a frame of another page: the map alone. */
  readonly embedded: boolean;
};

export const PLAIN: Address = {
  view: "map",
  selected: null,
  list: "flights",
  filter: "",
  camera: null,
  marked: [],
  onlyMarked: false,
  colourBy: "height",
  look: "auto",
  hidesPeople: false,
  embedded: false,
};

const VIEWS: readonly string[] = ["map", "lists", "system"];
const KINDS: readonly string[] = ["flight", "station", "airport", "fir", "sector"];
const LISTS: readonly string[] = ["flights", "controllers", "airports"];
const LOOKS: readonly string[] = ["auto", "light", "dark"];
const MOST_ZOOM = 18;

/** Whatever cannot be read is as in `PLAIN`: an address may come from anywhere. */
export function readAddress(search: string): Address {
  const given = new URLSearchParams(search);
  const get = (name: string) => given.get(name) ?? "";
  return {
    view: VIEWS.includes(get("view")) ? (get("view") as View) : PLAIN.view,
    selected: readSelected(get("show")),
    list: LISTS.includes(get("list")) ? (get("list") as List) : PLAIN.list,
    filter: get("filter"),
    camera: readCamera(get("at")),
    marked: given.getAll("mark").flatMap(readMarked),
    onlyMarked: given.has("only"),
    colourBy: get("colour") === "phase" ? "phase" : "height",
    look: LOOKS.includes(get("look")) ? (get("look") as Look) : PLAIN.look,
    hidesPeople: get("people") === "hidden",
    embedded: given.has("embed"),
  };
}

export function writeAddress(address: Address): string {
  const given = new URLSearchParams();
  if (address.view !== PLAIN.view) given.set("view", address.view);
  if (address.selected) given.set("show", `${address.selected.kind}:${address.selected.name}`);
  if (address.list !== PLAIN.list) given.set("list", address.list);
  if (address.filter) given.set("filter", address.filter);
  if (address.camera) given.set("at", cameraText(address.camera));
  for (const one of address.marked) given.append("mark", `${one.colour}:${one.text}`);
  if (address.onlyMarked) given.set("only", "");
  if (address.colourBy !== PLAIN.colourBy) given.set("colour", address.colourBy);
  if (address.look !== PLAIN.look) given.set("look", address.look);
  if (address.hidesPeople) given.set("people", "hidden");
  if (address.embedded) given.set("embed", "");
  const text = given.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text === "" ? "" : `?${text}`;
}

function readSelected(text: string): Selected | null {
  const at = text.indexOf(":");
  const [kind, name] = [text.slice(0, at), text.slice(at + 1)];
  return KINDS.includes(kind) && name !== "" ? { kind: kind as Kind, name } : null;
}

function readCamera(text: string): Camera | null {
  const [latitude, longitude, zoom, more] = text.split(",").map(Number);
  if (latitude === undefined || longitude === undefined || zoom === undefined) return null;
  const isThere = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 && zoom >= 0;
  return more === undefined && isThere && zoom <= MOST_ZOOM ? { latitude, longitude, zoom } : null;
}

function cameraText({ latitude, longitude, zoom }: Camera): string {
  // So many digits as move the map by less than a pixel.
  const digits = Math.max(1, Math.round(zoom / 3));
  return `${latitude.toFixed(digits)},${longitude.toFixed(digits)},${zoom.toFixed(1)}`;
}

function readMarked(text: string): readonly Marked[] {
  const found = /^(\d):(.+)$/s.exec(text);
  return found?.[1] && found[2] ? [{ colour: Number(found[1]), text: found[2] }] : [];
}
