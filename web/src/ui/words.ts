/** Values as people read them; what is not known is a dash. */

const NONE = "–";

// Made once: `toLocaleString` makes one at each call.
const NUMBERS = new Intl.NumberFormat("en");

export function feet(value: number | null): string {
  return value === null ? NONE : `${NUMBERS.format(value)} ft`;
}

export function knots(value: number | null): string {
  return value === null ? NONE : `${value} kt`;
}

export function degreesTrue(value: number | null): string {
  return value === null ? NONE : `${String(Math.round(value)).padStart(3, "0")}°`;
}

export function miles(value: number | null): string {
  return value === null ? NONE : `${NUMBERS.format(Math.round(value))} nm`;
}

export function megahertz(hertz: number): string {
  return (hertz / 1e6).toFixed(3);
}

export function words(value: string | null): string {
  return value === null ? NONE : value.replaceAll("_", " ");
}

/** "14:05 UTC", with the day if it is not today's. */
export function utc(time: string | null, now: number): string {
  if (time === null) return NONE;
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return NONE;
  const clock = at.toISOString().slice(11, 16);
  const day = at.toISOString().slice(0, 10);
  return day === new Date(now).toISOString().slice(0, 10) ? `${clock}Z` : `${day} ${clock}Z`;
}

/** The same in the time of whoever looks. */
export function local(time: string): string {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
