/** The page's frame: what is shown, and how old it is. */

import { useEffect } from "preact/hooks";
import { Lists } from "../panels/lists";
import { Panel } from "../panels/panel";
import { address, select, theme } from "../state/page";
import { System } from "../system/system";
import { Header } from "./header";
import { MapArea } from "./map-area";

export function App() {
  const { view, embedded, selected } = address.value;
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  }, [theme.value]);
  useEffect(() => {
    document.title = selected ? `${selected.name} · vatwatch` : "vatwatch";
  }, [selected]);
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented && address.value.selected) select(null);
    };
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, []);
  return (
    <>
      {embedded || <Header />}
      <main class={`view ${view}`}>
        {view === "map" && <MapArea />}
        {view === "lists" && <Lists />}
        {view === "system" && <System />}
        {view !== "system" && selected && <Panel selected={selected} />}
      </main>
    </>
  );
}
