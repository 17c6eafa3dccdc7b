/** Follows `/api/stream`, and goes on by itself after whatever cuts it. */

import type { Delta, Records, Snapshot } from "./records";

export type Link = "connecting" | "open" | "lost";

export type News = {
  /** The records have changed; `anew`: all of them, so nothing is known of what was between. */
  readonly changed: (anew: boolean) => void;
  readonly link: (link: Link) => void;
};

const ADDRESS = "/api/stream?channels=positions,controllers";
// A browser ends an EventSource for good after an answer that is no stream, such as 503.
const AGAIN_MS = 5_000;
// There is a snapshot every 15 s. More silence may be a link that is dead, which no browser tells: its
// heartbeats reach no script.
const SILENCE_MS = 40_000;
const LOOK_MS = 5_000;

/** Keep `records` as the service's are. Returns how to stop. */
export function follow(records: Records, news: News): () => void {
  let source: EventSource | null = null;
  let lastId = "";
  let heardAt = performance.now();
  let again: number | undefined;

  const open = () => {
    close();
    heardAt = performance.now();
    const place = lastId === "" ? "" : `&last_event_id=${encodeURIComponent(lastId)}`;
    source = new EventSource(ADDRESS + place);
    source.onopen = () => {
      heardAt = performance.now();
      news.link("open");
    };
    source.addEventListener("snapshot", (message) => {
      heard(message);
      records.replace(JSON.parse(message.data) as Snapshot);
      news.changed(true);
    });
    source.addEventListener("delta", (message) => {
      heard(message);
      records.apply(JSON.parse(message.data) as Delta);
      news.changed(false);
    });
    source.onerror = () => {
      news.link("lost");
      if (source?.readyState === EventSource.CLOSED) later();
    };
  };
  const heard = (message: MessageEvent<string>) => {
    heardAt = performance.now();
    lastId = message.lastEventId || lastId;
    news.link("open");
  };
  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const later = () => {
    clearTimeout(again);
    again = window.setTimeout(open, AGAIN_MS);
  };
  const look = window.setInterval(() => {
    // Perhaps there is nothing new, and the link is as it was; then nobody has to hear of it.
    if (performance.now() - heardAt >= SILENCE_MS) open();
  }, LOOK_MS);
  // What the network says comes sooner than what silence tells.
  const offline = () => news.link("lost");
  window.addEventListener("online", open);
  window.addEventListener("offline", offline);
  open();
  return () => {
    clearInterval(look);
    window.removeEventListener("online", open);
    window.removeEventListener("offline", offline);
    close();
  };
}
