/** Search for everything, with the keyboard as with the pointer. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { search } from "../query/search";
import { areas, loadAreaNames } from "../state/loaded";
import { address, controllers, flights, select, show } from "../state/page";

const KINDS = {
  flight: "flight",
  station: "station",
  airport: "airport",
  fir: "FIR",
  sector: "sector",
};

export function Search() {
  const text = useSignal("");
  const chosen = useSignal(0);
  const isOpen = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = useComputed(() =>
    isOpen.value
      ? search(
          text.value,
          flights.value,
          controllers.value,
          areas.value,
          !address.value.hidesPeople,
        )
      : [],
  );
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLElement &&
        /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== "/" || isTyping) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  const take = (index: number) => {
    const one = found.value[index];
    if (!one) return;
    isOpen.value = false;
    text.value = "";
    // So that `/` begins the next search.
    field.current?.blur();
    if (address.value.view === "system") show({ view: "map" });
    select({ kind: one.kind, name: one.name });
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => {
      chosen.value = Math.min(chosen.value + 1, found.value.length - 1);
    },
    ArrowUp: () => {
      chosen.value = Math.max(chosen.value - 1, 0);
    },
    Enter: () => take(chosen.value),
    Escape: () => {
      isOpen.value = false;
    },
  };
  const shown = found.value;
  return (
    <search class="search">
      <input
        ref={field}
        type="text"
        inputMode="search"
        role="combobox"
        aria-label="Search for flights, stations, airports and people"
        aria-expanded={shown.length > 0}
        aria-controls={list}
        aria-activedescendant={shown.length > 0 ? `${list}-${chosen.value}` : undefined}
        aria-autocomplete="list"
        placeholder="Search ( / )"
        autocomplete="off"
        spellcheck={false}
        value={text.value}
        onFocus={() => void loadAreaNames()}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
          isOpen.value = true;
        }}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (!act) return;
          event.preventDefault();
          act();
        }}
        onBlur={() => {
          isOpen.value = false;
        }}
      />
      <div id={list} class="found" role="listbox" aria-label="Found" hidden={shown.length === 0}>
        {shown.map((one, index) => (
          <div
            key={`${one.kind}:${one.name}`}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen.value}
            // Before the field loses the focus, which closes the list.
            onPointerDown={(event) => {
              event.preventDefault();
              take(index);
            }}
          >
            <b>{one.name}</b> <span>{one.about}</span> <i>{KINDS[one.kind]}</i>
          </div>
        ))}
      </div>
    </search>
  );
}
