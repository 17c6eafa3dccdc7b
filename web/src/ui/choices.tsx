/** How the page looks, and what it hides. */

import type { Look } from "../state/address";
import { address, show } from "../state/page";

const LOOKS: readonly { look: Look; name: string }[] = [
  { look: "auto", name: "as the system" },
  { look: "light", name: "light" },
  { look: "dark", name: "dark" },
];

export function Choices() {
  const { look, hidesPeople, colourBy } = address.value;
  return (
    <details class="choices">
      <summary>View</summary>
      <div>
        <label>
          Colours{" "}
          <select
            value={look}
            onChange={(event) => show({ look: event.currentTarget.value as Look })}
          >
            {LOOKS.map((one) => (
              <option key={one.look} value={one.look}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Aircraft by{" "}
          <select
            value={colourBy}
            onChange={(event) =>
              show({ colourBy: event.currentTarget.value === "phase" ? "phase" : "height" })
            }
          >
            <option value="height">height</option>
            <option value="phase">phase</option>
          </select>
        </label>
        <label>
          <input
            type="checkbox"
            checked={hidesPeople}
            onChange={(event) => show({ hidesPeople: event.currentTarget.checked })}
          />{" "}
          Hide people
        </label>
        <p>
          <a href="/docs">The API</a>
        </p>
      </div>
    </details>
  );
}
