/** Which snapshot has passed which part of the service, as events tell it. */

export type StageEvent = {
  readonly type: string;
  readonly time: string;
  readonly correlation_id: string;
};
export type Passed = { readonly snapshot: string; readonly times: ReadonlyMap<string, number> };

/** The newest snapshots first, each with the time (ms) of each stage that it has passed. */
export function passedOf(events: readonly StageEvent[]): Passed[] {
  const found = new Map<string, Map<string, number>>();
  for (const one of events) {
    const times = found.get(one.correlation_id) ?? new Map<string, number>();
    times.set(one.type, Date.parse(one.time));
    found.set(one.correlation_id, times);
  }
  const all = [...found].map(([snapshot, times]) => ({ snapshot, times }));
  return all.sort((a, b) => (a.snapshot < b.snapshot ? 1 : -1));
}
