/** One FIR: who works it, and what is in it. */

import type { FirBoard } from "../api/types";
import { version } from "../state/page";
import { Fault, Section, To } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { Flights, Numbers, Stations } from "./board";

export function FirPanel({ name }: { name: string }) {
  const path = `/api/firs/${encodeURIComponent(name)}`;
  const { answer: board, fault } = useAnswer<FirBoard>(path, version.value);
  if (!board) return <Fault text={fault} />;
  return (
    <>
      <Fault text={fault} />
      <p>
        {board.name} · {board.source} {board.cycle}
      </p>
      <Section title="Controlled by">
        <Stations stations={board.stations} />
      </Section>
      <p>
        <To kind="sector" name={board.id}>
          Its load
        </To>
      </p>
      <Numbers {...board} />
      <Flights title="In the air over it" flights={board.airborne} to />
      <Flights title="Arrivals" flights={board.arrivals} to={false} />
    </>
  );
}
