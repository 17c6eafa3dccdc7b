/** What the service says of itself, asked again and again while it is looked at. */

import { type Signal, signal } from "@preact/signals";
import { get, NoAnswer } from "../api/client";
import type {
  AlertsPage,
  ErrorsPage,
  EventMetrics,
  Node,
  Performance,
  Status,
  Tree,
  Trends,
} from "../api/types";
import { clocks } from "../live/clock";
import { clock } from "../state/page";
import { type Counts, type Look, ratesOf } from "./rates";

export type Polled<T> = {
  /** The last answer; null before the first. */
  readonly answer: T | null;
  /** Why there is no newer one. */
  readonly fault: string;
};

const NONE = { answer: null, fault: "" };

export const status = signal<Polled<Status>>(NONE);
export const tree = signal<Polled<Tree>>(NONE);
export const stages = signal<Polled<Performance>>(NONE);
export const errors = signal<Polled<ErrorsPage>>(NONE);
export const alerts = signal<Polled<AlertsPage>>(NONE);
export const trends = signal<Polled<Trends>>(NONE);
export const busFigures = signal<Polled<EventMetrics>>(NONE);

/** The latest last: what is drawn over time. */
export const looks = signal<readonly Look[]>([]);

/** Messages a second of each part of the tree, by its path, between the last two looks. */
export const rates = signal<ReadonlyMap<string, number>>(new Map());

const EACH_MS = 2_000;
const MOST_LOOKS = 900;

/** Look until the returned function is called. `node`: of this node; empty: of who answers. */
export function poll(node: string): () => void {
  const ending = new AbortController();
  const where = node === "" ? "" : `?node=${encodeURIComponent(node)}`;
  const and = where === "" ? "?" : "&";
  for (const one of [status, tree, stages, errors, alerts, trends, busFigures]) one.value = NONE;
  rates.value = new Map();
  looks.value = [];
  const ask = async <T>(into: Signal<Polled<T>>, path: string): Promise<T | null> => {
    try {
      const answer = await get<T>(path, { signal: ending.signal });
      if (!ending.signal.aborted) into.value = { answer, fault: "" };
      return answer;
    } catch (error) {
      if (ending.signal.aborted) return null;
      if (!(error instanceof NoAnswer)) throw error;
      into.value = { ...into.value, fault: error.message };
      return null;
    }
  };
  const all = async () => {
    // Each for itself: while one part is down, all others are still shown.
    const [now, found, bus] = await Promise.all([
      ask(status, `/api/status${where}`),
      ask(tree, `/api/supervision/tree${where}`),
      ask(busFigures, `/api/metrics/events${where}`),
      ask(stages, `/api/metrics/performance${where}`),
      ask(errors, `/api/errors${where}${and}limit=20`),
      ask(alerts, `/api/alerts${where}${and}limit=20`),
      ask(trends, `/api/errors/trends${where}`),
    ]);
    if (ending.signal.aborted) return;
    const at = clock.now(clocks()) / 1000;
    if (found) {
      const counts = countsOf(found);
      rates.value = ratesOf(counted, { at, counts });
      counted = { at, counts };
    }
    const look = {
      at,
      messages: found && sum(found),
      events: bus?.event_bus?.published ?? null,
      health: now?.status ?? "unknown",
    };
    looks.value = [...looks.value.slice(1 - MOST_LOOKS), look];
    again = window.setTimeout(() => void all(), EACH_MS);
  };
  let again: number | undefined;
  let counted: Counts | null = null;
  void all();
  return () => {
    ending.abort();
    clearTimeout(again);
  };
}

function countsOf(node: Node, into = new Map<string, number>()): Map<string, number> {
  into.set(node.path, node.handled);
  for (const each of node.children) countsOf(each, into);
  return into;
}

type Counted = { readonly handled: number; readonly children: readonly Counted[] };

/** All messages that the tree has handled. */
function sum(node: Counted): number {
  return node.children.reduce((total, each) => total + sum(each), node.handled);
}
