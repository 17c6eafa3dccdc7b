/** The page: follows the service, and shows what it tells. */

import { batch } from "@preact/signals";
import { render } from "preact";
import { get, NoAnswer, onDate } from "./api/client";
import { clocks } from "./live/clock";
import { follow } from "./live/stream";
import { clock, link, records, refusal, tick, version } from "./state/page";
import { followTrack } from "./state/track";
import { App } from "./ui/app";
import "./style/index.css";

const SECOND_MS = 1_000;

onDate((date) => {
  if (date !== null) clock.hear(Date.parse(date), clocks());
});

follow(records, {
  changed: () => {
    batch(() => {
      tick();
      version.value += 1;
    });
  },
  link: (now) => {
    if (now === link.value) return;
    link.value = now;
    if (now === "lost") void askWhy();
    else refusal.value = "";
  },
});

followTrack();

// Its answer says what time it is.
const askTheTime = () => get("/healthz").catch(() => {});
void askTheTime();
window.setInterval(() => {
  if (clock.hasJumped(clocks())) void askTheTime();
  tick();
}, SECOND_MS);

/** An EventSource does not tell why it was refused; a plain question does. */
async function askWhy(): Promise<void> {
  try {
    await get("/api/network");
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (link.value === "lost" && error.status > 0) refusal.value = error.message;
  }
}

const root = document.getElementById("page");
if (root) render(<App />, root);
