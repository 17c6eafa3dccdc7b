/** One sector: how many are in it, and will be. */

import type { Sector } from "../api/types";
import { version } from "../state/page";
import { Facts, Fault, Section, Time, To } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { feet } from "../ui/words";

export function SectorPanel({ name }: { name: string }) {
  const path = `/api/sectors/${encodeURIComponent(name)}`;
  const { answer: sector, fault } = useAnswer<Sector>(path, version.value);
  if (!sector) return <Fault text={fault} />;
  return (
    <>
      <Fault text={fault} />
      <Facts
        facts={[
          ["Now", sector.load],
          ["Warning from", sector.warning ?? "–"],
          ["From", sector.floor_ft === null ? "the ground" : feet(sector.floor_ft)],
          ["To", sector.ceiling_ft === null ? "no bound" : feet(sector.ceiling_ft)],
        ]}
      />
      <Section title="Expected">
        <table>
          <tbody>
            {sector.expected.map((one) => (
              <tr key={one.time}>
                <th scope="row">
                  <Time at={one.time} />
                </th>
                <td>{one.load}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Section>
      <Section title="In it">
        <ul class="names">
          {sector.now.map((one) => (
            <li key={one}>
              <To kind="flight" name={one} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}
