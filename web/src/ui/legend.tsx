/** What the colours of aircraft mean. */

import type { Phase } from "../api/types";
import { byHeight, byPhase, css } from "../map/colours";
import { address, theme } from "../state/page";

const HEIGHTS = [0, 10_000, 20_000, 30_000, 40_000];
const PHASES: readonly [Phase, string][] = [
  ["taxi_out", "taxi out"],
  ["climb", "climb"],
  ["cruise", "cruise"],
  ["descent", "descent"],
  ["taxi_in", "taxi in"],
  ["parked", "parked"],
];

export function Legend() {
  const shown = theme.value;
  const entries =
    address.value.colourBy === "height"
      ? HEIGHTS.map((feet) => [`${feet / 1000}`, byHeight(feet, shown)] as const)
      : PHASES.map(([phase, name]) => [name, byPhase(phase, shown)] as const);
  return (
    <ul class="legend" aria-label="Colours of aircraft">
      {address.value.colourBy === "height" && <li>1,000 ft:</li>}
      {entries.map(([name, colour]) => (
        <li key={name}>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <circle cx="5" cy="5" r="5" fill={css(colour)} />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
