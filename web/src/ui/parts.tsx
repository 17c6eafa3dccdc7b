/** Small parts that the panels share. */

import type { ComponentChildren } from "preact";
import type { Kind } from "../state/address";
import { address, now, select } from "../state/page";
import { local, utc } from "./words";

/** A name that shows what it names. */
export function To({
  kind,
  name,
  children,
}: {
  kind: Kind;
  name: string;
  children?: ComponentChildren;
}) {
  return (
    <button type="button" class="to" onClick={() => select({ kind, name })}>
      {children ?? name}
    </button>
  );
}

export function Time({ at }: { at: string | null }) {
  if (at === null) return <>–</>;
  return (
    <time dateTime={at} title={`${at} · ${local(at)} here`}>
      {utc(at, now.value)} <small>{local(at)}</small>
    </time>
  );
}

/** Who it is, unless people are hidden. */
export function Person({ cid, name }: { cid: number; name?: string | null }) {
  if (address.value.hidesPeople) return null;
  return (
    <span class="person">
      {name ? `${name} · ` : ""}
      {cid}
    </span>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren];

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

export function Fault({ text }: { text: string }) {
  return text ? <p class="fault">{text}</p> : null;
}
