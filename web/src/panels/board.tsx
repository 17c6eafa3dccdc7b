/** What the boards of airports and FIRs have in common. */

import type { ComponentChildren } from "preact";
import type { AirportBoard, BoardFlight, BoardStation } from "../api/types";
import { records } from "../state/page";
import { Facts, Person, Section, Time, To } from "../ui/parts";
import { miles, words } from "../ui/words";

export function Stations({ stations }: { stations: readonly BoardStation[] }) {
  if (stations.length === 0) return <p>Nobody.</p>;
  return (
    <ul>
      {stations.map((one) => (
        <li key={one.session_id}>
          <To kind="station" name={one.callsign} /> {one.frequency} since{" "}
          <Time at={records.controllers.get(one.session_id)?.logon_time ?? null} />{" "}
          <Person cid={one.cid} />
        </li>
      ))}
    </ul>
  );
}

type Rates = Pick<AirportBoard, "rates" | "inbound" | "trend">;

export function Numbers({ rates, inbound, trend }: Rates) {
  return (
    <>
      <Facts
        facts={[
          ["Take-offs an hour", rates.take_offs.over_60_min],
          ["Landings an hour", rates.landings.over_60_min],
          ["Trend of landings", signed(trend.landings.over_30_min)],
          ["Inbound", `${inbound.airborne} in the air, ${inbound.not_departed} not departed`],
        ]}
      />
      <table>
        <caption>Will land</caption>
        <thead>
          <tr>
            <th scope="col">from</th>
            <th scope="col">in the air</th>
            <th scope="col">not departed</th>
          </tr>
        </thead>
        <tbody>
          {inbound.blocks.map((one) => (
            <tr key={one.from}>
              <th scope="row">
                <Time at={one.from} />
              </th>
              <td>{one.airborne}</td>
              <td>{one.not_departed}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}

type FlightsProps = { title: string; flights: readonly BoardFlight[]; to: boolean };

/** `to`: whether their destination is what tells them apart, and not where they come from. */
export function Flights({ title, flights, to }: FlightsProps) {
  return (
    <Section title={`${title} ${flights.length}`}>
      {flights.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">flight</th>
              <th scope="col">{to ? "to" : "from"}</th>
              <th scope="col">phase</th>
              <th scope="col">{to ? "away" : "ETA"}</th>
            </tr>
          </thead>
          <tbody>
            {flights.map((one) => (
              <tr key={one.flight_id}>
                <th scope="row">
                  <To kind="flight" name={one.callsign} />
                </th>
                <td>{airport(to ? one.arrival : one.departure)}</td>
                <td>{words(one.phase)}</td>
                <td>{to ? miles(one.distance_nm) : <Time at={one.eta} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}

function airport(icao: string | null): ComponentChildren {
  if (!icao || icao === "off_airport") return words(icao);
  return <To kind="airport" name={icao} />;
}
