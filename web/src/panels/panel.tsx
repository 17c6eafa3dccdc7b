/** What is known of what was selected. */

import type { ComponentType } from "preact";
import type { Kind, Selected } from "../state/address";
import { select } from "../state/page";
import { AirportPanel } from "./airport";
import { FirPanel } from "./fir";
import { FlightPanel } from "./flight";
import { SectorPanel } from "./sector";
import { StationPanel } from "./station";

const PANELS: Record<Kind, ComponentType<{ name: string }>> = {
  flight: FlightPanel,
  station: StationPanel,
  airport: AirportPanel,
  fir: FirPanel,
  sector: SectorPanel,
};

export function Panel({ selected }: { selected: Selected }) {
  const Shown = PANELS[selected.kind];
  return (
    <aside class="panel" aria-label={`${selected.kind} ${selected.name}`}>
      <button type="button" class="close" aria-label="Close" onClick={() => select(null)}>
        ×
      </button>
      <h2>{selected.name}</h2>
      <Shown name={selected.name} key={`${selected.kind}:${selected.name}`} />
    </aside>
  );
}
