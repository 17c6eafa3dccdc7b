/** Questions whose answers the map shows in a colour each. */

import { useSignal } from "@preact/signals";
import { css } from "../map/colours";
import { FilterFault, read } from "../query/filters";
import { MARK_COUNT, marks } from "../state/marks";
import { address, flights, show } from "../state/page";

export function Marks() {
  const text = useSignal("");
  const fault = useSignal("");
  const { marked, onlyMarked } = address.value;
  const add = (event: Event) => {
    event.preventDefault();
    try {
      read(text.value);
    } catch (error) {
      if (!(error instanceof FilterFault)) throw error;
      fault.value = error.message;
      return;
    }
    fault.value = "";
    if (text.value.trim() === "") return;
    const colour = firstFree(marked.map((one) => one.colour));
    show({ marked: [...marked, { colour, text: text.value.trim() }] }, { remember: true });
    text.value = "";
  };
  return (
    <section class="marks" aria-label="Marked flights">
      <form onSubmit={add}>
        <input
          aria-label="Mark flights: filters of the API, such as arrival=EDDF"
          placeholder="Mark: arrival=EDDF&altitude=..10000"
          spellcheck={false}
          autocomplete="off"
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit">Mark</button>
      </form>
      {fault.value && <p role="alert">{fault.value}</p>}
      <ul>
        {marks.value.map((one, index) => (
          <li key={`${one.colour}:${one.text}`}>
            <svg viewBox="0 0 10 10" aria-hidden="true">
              <circle cx="5" cy="5" r="5" fill={css(one.rgb)} />
            </svg>
            <span>{one.text}</span>
            <b>{one.fault || flights.value.filter(one.filter).length}</b>
            <button
              type="button"
              aria-label={`Mark ${one.text} no more`}
              onClick={() =>
                show({ marked: marked.filter((_, at) => at !== index) }, { remember: true })
              }
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {marked.length > 0 && (
        <label>
          <input
            type="checkbox"
            checked={onlyMarked}
            onChange={(event) => show({ onlyMarked: event.currentTarget.checked })}
          />{" "}
          only these
        </label>
      )}
    </section>
  );
}

function firstFree(taken: readonly number[]): number {
  for (let colour = 0; colour < MARK_COUNT; colour++) if (!taken.includes(colour)) return colour;
  return taken.length % MARK_COUNT;
}
