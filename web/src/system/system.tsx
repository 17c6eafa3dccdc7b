/** The service itself: what runs, what failed, and what an operator may do about it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Fault, Section } from "../ui/parts";
import { Activity } from "./activity";
import { Faults } from "./faults";
import { Keys } from "./keys";
import { Letters } from "./letters";
import { Nodes } from "./nodes";
import { Operator } from "./operator";
import { Parts } from "./parts";
import { Path } from "./path";
import { alerts, errors, poll, status, trends } from "./polled";
import { may } from "./session";
import { Snapshots } from "./snapshots";
import { Subscriptions } from "./subscriptions";
import { TreePicture } from "./tree-picture";
import { Alerts, Errors } from "./troubles";

export function System() {
  const node = useSignal("");
  useEffect(() => poll(node.value), [node.value]);
  const { answer, fault } = status.value;
  return (
    <div class="system">
      <section class={`headline ${answer?.status ?? "unknown"}`}>
        <h2>
          {answer ? answer.status : "The service has not answered yet"}
          {answer && <small> vatwatch {answer.version}</small>}
        </h2>
        <p>{answer?.reason}</p>
        <Fault text={fault} />
      </section>
      <Operator node={node.value} />
      <Section title="Nodes">
        <Nodes chosen={node} />
      </Section>
      <Section title="The way of a snapshot">
        <Path />
        <Snapshots node={node.value} />
      </Section>
      <Section title="Supervision tree">
        <TreePicture node={node.value} />
      </Section>
      <Section title="Parts">
        <Parts />
      </Section>
      <Section title="Activity">
        <Activity />
      </Section>
      <Section title="Alerts">
        <Alerts shown={alerts.value} />
      </Section>
      <Section title="Errors">
        <Errors shown={errors.value} over={trends.value} />
      </Section>
      <Section title="Dead letters">
        <Letters node={node.value} />
      </Section>
      <Section title="Injected faults">
        <Faults node={node.value} />
      </Section>
      {may("subscriptions") && (
        <Section title="Subscriptions">
          <Subscriptions />
        </Section>
      )}
      {may("admin") && (
        <Section title="API keys">
          <Keys />
        </Section>
      )}
    </div>
  );
}
