/** What the service stands on: feed, database, cache, journal, disk and memory. */

import type { Status } from "../api/types";
import { lasting } from "../live/age";
import { type Fact, Facts, Time } from "../ui/parts";
import { bytes } from "./figures";
import { status } from "./polled";

export function Parts() {
  const { answer } = status.value;
  if (!answer) return <p>…</p>;
  return (
    <div class="cards">
      <Card title="Feed" facts={feed(answer)} />
      <Card title="Database" facts={database(answer)} />
      <Card title="Cache" facts={cache(answer)} />
      <Card title="Journal" facts={journal(answer)} />
      <Card title="Machine" facts={machine(answer)} />
      <Card title="Services" facts={services(answer)} />
    </div>
  );
}

function Card({ title, facts }: { title: string; facts: readonly Fact[] }) {
  return (
    <section class="card">
      <h4>{title}</h4>
      <Facts facts={facts} />
    </section>
  );
}

function feed({ feed: one }: Status): Fact[] {
  return [
    ["Newest", <Time at={one.update_timestamp} key="newest" />],
    ["Age", one.age_s === null ? "–" : lasting(one.age_s)],
    ["Reachable", one.reachable ? "yes" : "no"],
    ["Last", one.last_error || one.last_outcome],
    ["Next", <Time at={one.next_poll_at} key="next" />],
  ];
}

function database({ database: { store } }: Status): Fact[] {
  if (!store) return [["Store", "does not answer"]];
  return [
    ["Kind", store.kind],
    ["Reachable", store.reachable ? "yes" : "no"],
    ["Breaker", store.breaker],
    ["Stored", store.stored],
    ["Waits", store.waiting],
    ["Last error", store.last_error || "–"],
  ];
}

function cache({ cache: one }: Status): Fact[] {
  return [
    ["Backend", one.backend],
    ["Reachable", one.reachable ? "yes" : "no"],
    ["Size", bytes(one.bytes)],
    ["Last error", one.last_error || "–"],
  ];
}

function journal({ journal: one }: Status): Fact[] {
  return [
    ["Waits for the database", one.pending],
    ["Size", `${bytes(one.bytes)} of ${bytes(one.max_bytes)}`],
    ["Archived", one.archived],
    ["Quarantined", one.quarantined],
    ["Last error", one.last_error || "–"],
  ];
}

function machine({ resources: one }: Status): Fact[] {
  const readings = Object.entries(one.readings).map(
    ([name, value]): Fact => [
      name,
      `${Math.round(value)} ${one.units[name] ?? ""} (${one.levels[name] ?? "–"})`,
    ],
  );
  return [...readings, ["Disk full", <Time at={one.disk_full_at} key="full" />]];
}

function services({ services: all }: Status): Fact[] {
  const told = Object.entries(all).filter(
    ([, one]) => one.health !== "healthy" || one.restarts > 0,
  );
  return [
    ...told.map(
      ([name, one]): Fact => [name, `${one.health}, ${one.restarts} restarts ${one.reason}`],
    ),
    ["All others", "healthy"],
  ];
}
