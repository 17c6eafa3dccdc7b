/** How fast something counts up. */

/** What one look at the service has shown. */
export type Look = {
  /** Seconds since 1970. */
  readonly at: number;
  /** Messages that the tree has handled, and events that were published; null: it did not say. */
  readonly messages: number | null;
  readonly events: number | null;
  readonly health: string;
};

/** A second, from one look to the next; null: one of them had no answer, or it counts anew. */
export function rateOf(name: "messages" | "events") {
  return ([before, one]: readonly [Look | undefined, Look]): number | null => {
    const [from, to] = [before?.[name] ?? null, one[name]];
    if (!before || from === null || to === null || to < from || one.at <= before.at) return null;
    return Math.round((10 * (to - from)) / (one.at - before.at)) / 10;
  };
}

export type Counts = { readonly at: number; readonly counts: ReadonlyMap<string, number> };

/** A second, of each that both know; who counts anew since a restart has none. */
export function ratesOf(before: Counts | null, now: Counts): Map<string, number> {
  const found = new Map<string, number>();
  if (before === null || now.at <= before.at) return found;
  for (const [path, count] of now.counts) {
    const earlier = before.counts.get(path);
    if (earlier !== undefined && count >= earlier) {
      found.set(path, (count - earlier) / (now.at - before.at));
    }
  }
  return found;
}
