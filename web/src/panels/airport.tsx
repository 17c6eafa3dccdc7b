/** One airport: who works there, what comes and goes, and how much of it. */

import type { AirportBoard } from "../api/types";
import { version } from "../state/page";
import { Fault, Section } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { Flights, Numbers, Stations } from "./board";

export function AirportPanel({ name }: { name: string }) {
  const path = `/api/airports/${encodeURIComponent(name)}`;
  const { answer: board, fault } = useAnswer<AirportBoard>(path, version.value);
  if (!board) return <Fault text={fault} />;
  return (
    <>
      <Fault text={fault} />
      <p>{[board.name, board.city, board.country].filter(Boolean).join(", ")}</p>
      <Section title="Controlled by">
        <Stations stations={board.stations} />
      </Section>
      {board.atis.length > 0 && (
        <Section title="ATIS">
          <ul>
            {board.atis.map((one) => (
              <li key={one.callsign}>
                {one.callsign} {one.frequency}: letter <b>{one.letter ?? "–"}</b>, runways{" "}
                {runways("departure", one.runways.departure)}{" "}
                {runways("arrival", one.runways.arrival)}
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Numbers {...board} />
      <Flights title="Departures" flights={board.departures} to />
      <Flights title="Arrivals" flights={board.arrivals} to={false} />
    </>
  );
}

function runways(what: string, found: readonly string[] | null): string {
  return `${what} ${found === null ? "not told" : found.join(" ")}`;
}
