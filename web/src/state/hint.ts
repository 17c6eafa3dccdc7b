import { signal } from "@preact/signals";
import type { Flight } from "../api/types";

/** The flight below the pointer, and where on the map (pixels) that is. */
export const hint = signal<{ flight: Flight; x: number; y: number } | null>(null);
