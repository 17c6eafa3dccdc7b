/** What stays in sight: where one is, the search, and how old the data are. */

import type { View } from "../state/address";
import { address, controllers, flights, show } from "../state/page";
import { Age } from "./age";
import { Choices } from "./choices";
import { Search } from "./search";

const VIEWS: readonly { view: View; name: string }[] = [
  { view: "map", name: "Map" },
  { view: "lists", name: "Lists" },
  { view: "system", name: "System" },
];

export function Header() {
  const { view } = address.value;
  const working = controllers.value.filter((one) => one.state === "controlling").length;
  return (
    <header class="top">
      <h1>vatwatch</h1>
      <nav aria-label="Views">
        {VIEWS.map((one) => (
          <button
            type="button"
            key={one.view}
            aria-current={one.view === view ? "page" : undefined}
            onClick={() => show({ view: one.view }, { remember: true })}
          >
            {one.name}
          </button>
        ))}
      </nav>
      <Search />
      <p class="counts">
        <b>{flights.value.length}</b> flights <b>{working}</b> controllers
      </p>
      <Age />
      <Choices />
    </header>
  );
}
