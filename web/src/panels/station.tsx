/** One station: who works it, since when, by which rule its area was found, and who talks to it. */

import type { Controller } from "../api/types";
import { lasting } from "../live/age";
import { records, version } from "../state/page";
import { type Fact, Facts, Person, Section, Time, To } from "../ui/parts";
import { words } from "../ui/words";

// VATSIM's way to say that there is no frequency.
const NO_FREQUENCY = "199.998";

export function StationPanel({ name }: { name: string }) {
  version.value;
  const station = records.controllerOf(name);
  if (!station) return <p>Nobody is online as {name} now.</p>;
  return (
    <>
      <p>
        <Person cid={station.cid} name={station.name} />
      </p>
      <Facts facts={facts(station)} />
      <Section title={`Talks to ${station.tuned.length}`}>
        {station.tuned.length === 0 && <p>Nobody, as far as their radios say.</p>}
        <ul class="names">
          {station.tuned.map((one) => (
            <li key={one}>
              <To kind="flight" name={one} />
            </li>
          ))}
        </ul>
      </Section>
      {station.text_atis && (
        <Section title="Says">
          <p class="filed">{station.text_atis.join("\n")}</p>
        </Section>
      )}
    </>
  );
}

function facts(station: Controller): Fact[] {
  const { position } = station;
  return [
    ["Position", position.name ?? "–"],
    ["Frequency", station.frequency === NO_FREQUENCY ? "none" : station.frequency],
    ["State", words(station.state)],
    ["Since", <Time at={station.logon_time} key="since" />],
    ["With a frequency", lasting(station.frequency_s)],
    ["Until", <Time at={station.until} key="until" />],
    ["Area", position.areas.length === 0 ? "not known" : <Areas all={position.areas} key="area" />],
    ["Found by", position.rule],
  ];
}

function Areas({ all }: { all: readonly string[] }) {
  return (
    <>
      {all.map((one) => (
        <To kind="fir" name={one} key={one} />
      ))}
    </>
  );
}
