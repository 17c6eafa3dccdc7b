/** What could not be delivered, and what becomes of it. */

import { send } from "../api/client";
import type { DeadLetter, LettersPage } from "../api/types";
import { Fault, Time } from "../ui/parts";
import { useAnswer } from "../ui/use-answer";
import { looks } from "./polled";
import { at, may, order, orders } from "./session";

export function Letters({ node }: { node: string }) {
  const again = `${orders.value} ${looks.value.at(-1)?.at}`;
  const path = at(node, "/api/events/dead-letters?limit=20");
  const { answer, fault } = useAnswer<LettersPage>(path, again);
  return (
    <>
      <Fault text={fault} />
      {answer?.count === 0 && <p>None.</p>}
      <ul class="troubles">
        {answer?.dead_letters.map((one) => (
          <li key={one.id}>
            <b>{one.type}</b> for {one.receiver} <Time at={one.time} />{" "}
            {may("events") && <Orders letter={one} node={node} />}
            <p>
              {one.reason} {one.error}
            </p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Orders({ letter, node }: { letter: DeadLetter; node: string }) {
  const path = `/api/events/dead-letters/${encodeURIComponent(letter.id)}`;
  const about = `${letter.type} for ${letter.receiver}`;
  return (
    <>
      {letter.kind !== "message" && (
        <button
          type="button"
          class="small"
          aria-label={`Deliver again: ${about}`}
          onClick={() =>
            void order(() => send("POST", at(node, `${path}/redeliver`)), "It is delivered again.")
          }
        >
          Deliver again
        </button>
      )}
      <button
        type="button"
        class="small"
        aria-label={`Discard: ${about}`}
        onClick={() => void order(() => send("DELETE", at(node, path)), "It was discarded.")}
      >
        Discard
      </button>
    </>
  );
}
