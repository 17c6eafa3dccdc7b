/** How old the data are, and what that means. */

export type Freshness = "fresh" | "late" | "stale" | "unknown";

// VATSIM shows a new state every 15 s. Three are missing at the first, seven at the second.
const LATE_S = 60;
const STALE_S = 120;

export function freshness(ageS: number | null): Freshness {
  if (ageS === null) return "unknown";
  if (ageS >= STALE_S) return "stale";
  return ageS >= LATE_S ? "late" : "fresh";
}

/** "12 s", "4 min", "3 h 05 min", "2 d". */
export function lasting(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 120) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d`;
}
