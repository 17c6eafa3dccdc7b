/** One flight: what it plans, what it has done, and whom it talks to. */

import type { Flight } from "../api/types";
import { lasting } from "../live/age";
import { emergency } from "../map/shapes";
import { now, records, version } from "../state/page";
import { track, trackFault } from "../state/track";
import { type Fact, Facts, Fault, Person, Section, Time, To } from "../ui/parts";
import { Profile } from "../ui/profile";
import { degreesTrue, feet, knots, megahertz, miles, words } from "../ui/words";

export function FlightPanel({ name }: { name: string }) {
  version.value;
  const flight = records.flightOf(name);
  if (!flight) return <p>Nobody flies as {name} now.</p>;
  const alarm = emergency(flight.transponder);
  return (
    <>
      {alarm && <p class="alarm">{`${flight.transponder}: ${alarm}`}</p>}
      <p>
        <Person cid={flight.cid} name={flight.name} />
      </p>
      <Facts facts={movement(flight)} />
      <Section title="Talks to">
        <Contacts flight={flight} />
      </Section>
      <Section title="Flight">
        <Facts facts={journey(flight)} />
      </Section>
      <Section title="Height and speed">
        <Fault text={trackFault.value} />
        <Profile points={track.value.flat()} />
      </Section>
      <Section title="Plan">
        <Plan flight={flight} />
      </Section>
      {flight.gaps.length > 0 && (
        <Section title="Not seen">
          <ul>
            {flight.gaps.map((gap) => (
              <li key={gap.from}>
                <Time at={gap.from} /> to <Time at={gap.to} />
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function movement(flight: Flight): Fact[] {
  return [
    ["Phase", words(flight.phase)],
    ["Height", feet(flight.altitude)],
    ["Speed", knots(flight.groundspeed)],
    ["Heading", degreesTrue(flight.heading)],
    ["Climb", flight.vertical_speed_fpm === null ? "–" : `${flight.vertical_speed_fpm} ft/min`],
    ["Squawk", flight.transponder],
  ];
}

function journey(flight: Flight): Fact[] {
  const { found, plan, times } = flight;
  return [
    ["From", <Airport filed={plan?.departure_icao ?? null} found={found.departure} key="from" />],
    ["To", <Airport filed={plan?.arrival_icao ?? null} found={found.arrival} key="to" />],
    ["Off block", <Time at={times.off_block} key="off" />],
    ["Take-off", <Time at={times.take_off} key="take-off" />],
    ["Lands", <Time at={times.landing ?? flight.eta} key="lands" />],
    ["On block", <Time at={times.on_block} key="on" />],
    ["Flown", miles(flight.distance_flown_nm)],
    ["Great circle", miles(flight.great_circle_nm)],
    ["Online", lasting(flight.online_s ?? 0)],
    ["In", <Areas flight={flight} key="in" />],
  ];
}

function Areas({ flight: { firs, sectors } }: { flight: Flight }) {
  if (firs.length + sectors.length === 0) return <>–</>;
  return (
    <>
      {firs.map((one) => (
        <To kind="fir" name={one} key={`fir ${one}`} />
      ))}{" "}
      {sectors.map((one) => (
        <To kind="sector" name={one} key={`sector ${one}`} />
      ))}
    </>
  );
}

/** Where it was seen, else where it was filed to. */
function Airport({ filed, found }: { filed: string | null; found: string | null }) {
  if (found === "off_airport") return <>off any airport</>;
  const shown = found ?? filed;
  if (shown === null) return <>–</>;
  return (
    <>
      <To kind="airport" name={shown} />
      {found ? "" : " filed"}
      {found && filed && found !== filed ? ` (filed ${filed})` : ""}
    </>
  );
}

function Contacts({ flight }: { flight: Flight }) {
  if (flight.contacts.length === 0) return <p>Nobody, as far as its radios say.</p>;
  return (
    <ul>
      {flight.contacts.map((one) => (
        <li key={`${one.station} ${one.frequency_hz}`}>
          <To kind="station" name={one.station} /> {megahertz(one.frequency_hz)}, for{" "}
          {lasting((now.value - Date.parse(one.since)) / 1000)}
        </li>
      ))}
    </ul>
  );
}

function Plan({ flight }: { flight: Flight }) {
  const { flight_plan: filed, plan } = flight;
  if (!filed) return <p>None is filed.</p>;
  return (
    <>
      <Facts
        facts={[
          ["Aircraft", filed.aircraft_short || "–"],
          ["Rules", filed.flight_rules || "–"],
          ["Level", plan?.cruise_altitude_ft ? feet(plan.cruise_altitude_ft) : filed.altitude],
          ["Speed", plan?.cruise_tas_kt ? knots(plan.cruise_tas_kt) : filed.cruise_tas],
          ["Registration", plan?.registration ?? "–"],
          ["Revision", filed.revision_id],
        ]}
      />
      <p class="filed">{filed.route}</p>
      <p class="filed">{filed.remarks}</p>
    </>
  );
}
