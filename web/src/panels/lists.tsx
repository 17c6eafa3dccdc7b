/** Who flies, who controls, and where there is traffic, as lists. */

import type { ComponentChildren } from "preact";
import type { AirportList, Flight } from "../api/types";
import { FilterFault, read } from "../query/filters";
import type { List } from "../state/address";
import { address, controllers, flights, select, show, version } from "../state/page";
import { Fault } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { VirtualTable } from "../ui/virtual-table";
import { AIRPORTS, CONTROLLERS, FLIGHTS, withPeople } from "./columns";

const LISTS: readonly { list: List; name: string }[] = [
  { list: "flights", name: "Flights" },
  { list: "controllers", name: "Controllers" },
  { list: "airports", name: "Airports" },
];

export function Lists() {
  const { list } = address.value;
  return (
    <div class="lists">
      {list === "flights" && <Flights />}
      {list === "controllers" && <Controllers />}
      {list === "airports" && <Airports />}
    </div>
  );
}

function Flights() {
  const { filter } = address.value;
  const { rows, fault } = filtered(filter);
  return (
    <>
      <Tools says={fault || rows.length}>
        <input
          class="filter"
          aria-label="Filters of the API, such as arrival=EDDF"
          placeholder="arrival=EDDF&phase=descent"
          spellcheck={false}
          value={filter}
          onInput={(event) => show({ filter: event.currentTarget.value })}
        />
      </Tools>
      <VirtualTable
        title="Flights"
        rows={rows}
        columns={withPeople(FLIGHTS)}
        id={(one) => one.flight_id}
        open={(one) => select({ kind: "flight", name: one.callsign })}
      />
    </>
  );
}

function Controllers() {
  return (
    <>
      <Tools says={controllers.value.length} />
      <VirtualTable
        title="Controllers"
        rows={controllers.value}
        columns={withPeople(CONTROLLERS)}
        id={(one) => one.session_id}
        open={(one) => select({ kind: "station", name: one.callsign })}
      />
    </>
  );
}

/** Those with any traffic. */
function Airports() {
  const { answer, fault } = useAnswer<AirportList>("/api/airports", version.value);
  return (
    <>
      <Tools says={answer?.airports.length ?? ""} />
      <Fault text={fault} />
      <VirtualTable
        title="Airports"
        rows={answer?.airports ?? []}
        columns={AIRPORTS}
        first={{ column: 2, isDown: true }}
        id={(one) => one.icao}
        open={(one) => select({ kind: "airport", name: one.icao })}
      />
    </>
  );
}

type ToolsProps = { says: string | number; children?: ComponentChildren };

/** Which list it is, and how many it has or what is wrong. */
function Tools({ says, children }: ToolsProps) {
  return (
    <div class="tools">
      <fieldset>
        <legend>List</legend>
        {LISTS.map(({ list, name }) => (
          <label key={list}>
            <input
              type="radio"
              name="list"
              checked={list === address.value.list}
              onChange={() => show({ list })}
            />{" "}
            {name}
          </label>
        ))}
      </fieldset>
      {children}
      <output>{says}</output>
    </div>
  );
}

function filtered(text: string): { rows: readonly Flight[]; fault: string } {
  try {
    return { rows: flights.value.filter(read(text)), fault: "" };
  } catch (error) {
    if (!(error instanceof FilterFault)) throw error;
    return { rows: [], fault: error.message };
  }
}
