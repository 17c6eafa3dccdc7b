/** How old what is shown is; always in sight. */

import { freshness, lasting } from "../live/age";
import { ageS, link, refusal } from "../state/page";

const LINKS = { connecting: "connecting", open: "", lost: "no link to the service" };

export function Age() {
  const age = ageS.value;
  const fresh = freshness(age);
  const missing = refusal.value || LINKS[link.value];
  return (
    <p class={`age ${fresh}`} role="status" aria-live="off" data-freshness={fresh}>
      <span class="dot" aria-hidden="true" />
      <span>{age === null ? "no data yet" : `${lasting(age)} old`}</span>
      {missing && <span class="missing">{missing}</span>}
    </p>
  );
}
