"""Alerter: sees what holds (`conditions`), decides whether to tell (`monitoring.alerts`), and tells
the log and the webhooks (`notifier`, with a `courier` for each).

Receives  EvaluateAlerts, AlertsLoaded, Delivered, GetAlerts, GetLatestAlerts, AlertsStored,
          NotifyAgain, SettingsChanged
Asks      health_monitor GetReports; history FindAlerts, at its start, from a greenlet of its own
Sends     notifications to webhooks, each from a greenlet of its own, in order; StoreAlerts to
          store; StoreDeadLetter and DeleteDeadLetter to event_bus; ServiceReport
Subscribed to HEALTH_CHECK, ERROR_OCCURRED, SERVICE_RECOVERED, SERVICE_STOPPED: it looks at once
Holds     what it hands over: the alerts and their records, what was seen before, what waits for
          each webhook; in a file the active alerts, and what the table does not have yet
Restart   costs nothing; a notification that was under way is sent again. If the successor fails,
          too, it begins with the file, as the next process does: active alerts go on, and what
          waited for a webhook is sent
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeAlias, assert_never
from uuid import UUID, uuid4

import gevent

from vatwatch.actors.alert_history import RECENT, AlertHistory
from vatwatch.actors.conditions import QUARANTINE_WINDOW_S, AlertView, Looked, look
from vatwatch.actors.notifier import Notifier, WebhookQueue
from vatwatch.actors.owed_answer import OwedAnswer
from vatwatch.actors.service import Service
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.errors import StorageError, SupervisionError
from vatwatch.messages import (
    AlertsStored,
    Delivered,
    FindAlerts,
    GetAlerts,
    GetLatestAlerts,
    GetReports,
    NodesView,
    NotifyAgain,
    Reports,
    SettingsChanged,
    StoreAlerts,
)
from vatwatch.messages.alerter import ToAlerter
from vatwatch.messages.status import AlerterStatus
from vatwatch.monitoring.alert_records import (
    AlertFilter,
    AlertRecord,
    Alerts,
)
from vatwatch.monitoring.alert_rules import NAMES, rules_with
from vatwatch.monitoring.alerts import (
    Alert,
    AlertState,
    Condition,
    Rate,
    Rule,
    Told,
    fold,
    restored,
    step,
    under_rules,
)
from vatwatch.monitoring.health import Health
from vatwatch.monitoring.notifications import AlertNow, AlertRule
from vatwatch.supervision import Tell, Timer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluateAlerts(Tell):
    """Judge all conditions, and notify."""


@dataclass(frozen=True, slots=True)
class AlertsLoaded(Tell):
    """The table's alerts: the latest, and all that are active there."""

    records: tuple[AlertRecord, ...]


Received: TypeAlias = ToAlerter | EvaluateAlerts | AlertsLoaded

ASK_TIMEOUT_S = 2.0
# Events come in bursts; all of one burst are judged together.
NEWS_S = 0.1
# How long the table may take to answer. There is no hurry: the file has the active alerts.
LOAD_TIMEOUT_S = 30.0
RELOAD_S = 15.0


@dataclass(slots=True)
class AlertMemory:
    """What the alerter knows, and hands over to its successor."""

    history: AlertHistory
    looked: Looked
    alerts: dict[str, Alert] = field(default_factory=dict)
    ids: dict[str, UUID] = field(default_factory=dict)
    """The record of each alert that fires or clears, by its key."""
    outboxes: dict[str, WebhookQueue] = field(default_factory=dict)


class AlerterActor(Service):
    """Decides which alerts are sent, and keeps a history of them."""

    def __init__(
        self, settings: AlertSettings, breaker: BreakerSettings, *, outbox: Path | None = None
    ) -> None:
        """`outbox`: the file with what is active and what the table does not have yet; without it
        nothing goes to the table either."""
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        self._rules: dict[str, Rule] = rules_with(settings.hold_of, settings.clear_of)
        self._memory = AlertMemory(AlertHistory(outbox), Looked(monotonic()))
        self._latest: Reports | None = None
        self._timer: Timer | None = None
        self._soon = False
        self._owed = OwedAnswer[StoreAlerts]()
        self._stands_back = False

    def on_start(self) -> None:
        inherited = self.inherited(AlertMemory)
        if inherited:
            self._memory = inherited
            self._memory.alerts = under_rules(inherited.alerts, self._rules)
        elif not self.restarts:
            # At the first start nothing has been counted yet, so the very first quarantined
            # snapshot counts.
            self._memory.looked.quarantined = Rate(QUARANTINE_WINDOW_S, last=0)
        history = self._memory.history
        self._notifier = Notifier(
            self,
            self._settings,
            self._breaker,
            history,
            self._memory.outboxes,
            changed=self._report,
        )
        if not inherited:
            history.load()
            for record in history.active():
                self._resume(record)
            self._notifier.resume(history.next())
        self._notifier.start()
        if self._memory.history.keeps:
            self.spawn(self._load)
        self._evaluate_in(0)

    def on_stop(self) -> None:
        self._notifier.stop()

    def hand_over(self) -> AlertMemory:
        self._notifier.kill()  # its couriers change the memory
        return self._memory

    def on_receive(self, message: Received) -> Alerts | tuple[AlertRecord, ...] | None:
        match message:
            case EvaluateAlerts():
                self._evaluate()
                self._evaluate_in(self._settings.interval_s)
            case AlertsLoaded(records):
                self._take_over(records)
            case Delivered():
                # Judge all conditions, whatever the event is, so that a missed event does no harm.
                if not self._soon:
                    self._evaluate_in(min(NEWS_S, self._settings.interval_s))
                    self._soon = True
            case GetAlerts():
                return self._answer()
            case GetLatestAlerts(wanted, limit, after):
                return self._memory.history.find(wanted, limit, after)
            case AlertsStored(written):
                self._stored(written)
            case NotifyAgain(letter):
                self._notifier.tell_again(letter)
            case SettingsChanged():
                self._change(message.settings.alerts, message.settings.breaker)
            case _:
                assert_never(message)
        return None

    def _evaluate_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.after(seconds, EvaluateAlerts())
        self._soon = False

    # --- what holds --------------------------------------------------------------------------

    def _evaluate(self) -> None:
        nodes = self.address("nodes").shared(NodesView)
        if nodes is not None and not nodes.speaks:
            if nodes.looked:
                self._stand_back()
            return
        if self._stands_back:
            # What the node before this one has told of is in the table.
            self._stands_back = False
            if self._memory.history.keeps:
                self.spawn(self._load)
        now_s, memory = monotonic(), self._memory
        view = self._look(now_s)
        conditions = fold(view.conditions)
        memory.alerts, told = step(memory.alerts, self._rules, conditions, now_s, view.unknown)
        log.debug("What holds: %s", ", ".join(one.rule for one in conditions) or "nothing")
        for one in told:
            self._tell(one, now_s)
        self._follow_causes()
        self._send_next()
        self._report()

    def _stand_back(self) -> None:
        """Leave the alerts to the node that judges now; write what the table lacks of ours."""
        if not self._stands_back:
            self._stands_back = True
            self._memory.alerts.clear()
            self._memory.ids.clear()
            self._memory.history.leave_to_others()
        self._send_next()
        self._report()

    def _look(self, now_s: float) -> AlertView:
        unheard: list[Condition] = []
        try:
            self._latest = self.address("health_monitor").ask(GetReports(), timeout_s=ASK_TIMEOUT_S)
        except SupervisionError as error:
            # The other alerts stay as they were: unknown does not mean resolved.
            unheard = [Condition("unhealthy", "health_monitor", str(error))]
        if self._latest is None:
            return AlertView(unheard, frozenset(NAMES))
        looked, now = self._memory.looked, datetime.now(UTC)
        view = look(looked, self._latest, self.breakers(), self._settings, now, now_s)
        return AlertView([*unheard, *view.conditions], view.unknown)

    def _follow_causes(self) -> None:
        """A record says why its alert fires now."""
        for key, alert in self._memory.alerts.items():
            record = self._record(key)
            if record is not None and alert.state is AlertState.FIRING:
                now = record.with_cause(alert.reason)
                if now is not record:
                    self._memory.history.put(now)

    # --- telling -----------------------------------------------------------------------------

    def _tell(self, told: Told, now_s: float) -> None:
        alert, now = told.alert, datetime.now(UTC)
        record = self._record(alert.key)
        if record is None:
            record = AlertRecord(
                id=uuid4(),
                key=alert.key,
                rule=alert.rule.name,
                subject=alert.subject,
                severity=alert.rule.severity,
                summary=alert.rule.summary,
                cause=alert.reason,
                since=now - timedelta(seconds=now_s - alert.began_s),
                fired_at=now,
            )
        record = record.with_cause(alert.reason).told(told.event, self._notifier.webhooks, now)
        self._memory.history.put(record)
        about = f" ({alert.subject})" if alert.subject else ""
        if told.event == "firing":
            self._memory.ids[alert.key] = record.id
            log.warning("Alert: %s%s: %s", alert.rule.summary, about, alert.reason)
        else:
            self._memory.ids.pop(alert.key, None)
            log.info("Alert resolved: %s%s", alert.rule.summary, about)
        self._notifier.tell(record, told.event)

    def _record(self, key: str) -> AlertRecord | None:
        """The record of the alert of this key that fires or clears."""
        found = self._memory.ids.get(key)
        return None if found is None else self._memory.history.get(found)

    def _change(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        """Use other rules and other webhooks from now on."""
        self._settings, self._breaker = settings, breaker
        self._rules = rules_with(settings.hold_of, settings.clear_of)
        self._memory.alerts = under_rules(self._memory.alerts, self._rules)
        self._notifier.change(settings, breaker)
        self._evaluate_in(0)
        self._report()

    # --- the history -------------------------------------------------------------------------

    def _resume(self, record: AlertRecord) -> None:
        """An alert that was active when the process before this one ended goes on."""
        now_s, now = monotonic(), datetime.now(UTC)
        rule = self._rules.get(record.rule)
        if rule is None or record.key in self._memory.ids:
            self._memory.history.put(record.ended(now))
            return
        self._memory.ids[record.key] = record.id
        self._memory.alerts[record.key] = restored(
            rule,
            record.subject,
            record.summary,
            "critical" if record.severity == "critical" else "warning",
            record.cause,
            fired_s=now_s - (now - record.fired_at).total_seconds(),
            began_s=now_s - (now - record.since).total_seconds(),
        )

    def _load(self) -> None:
        """Load the earlier alerts from the table as soon as it answers. Runs in a greenlet."""
        history = self.address("history")
        while True:
            try:
                latest = history.ask(FindAlerts(AlertFilter(), RECENT), timeout_s=LOAD_TIMEOUT_S)
                active = history.ask(
                    FindAlerts(AlertFilter(state="active"), RECENT), timeout_s=LOAD_TIMEOUT_S
                )
            except (StorageError, SupervisionError):
                gevent.sleep(RELOAD_S)
            else:
                self.address(self.name).tell(AlertsLoaded((*latest, *active)))
                return

    def _take_over(self, records: tuple[AlertRecord, ...]) -> None:
        """Continue alerts that are active in the table and unknown here: their process has lost its
        file."""
        history = self._memory.history
        unknown = {each.id: each for each in records if history.get(each.id) is None}
        history.add_past(unknown.values())
        for record in unknown.values():
            if record.until is None:
                self._resume(record)

    def _send_next(self) -> None:
        """Send the store what the table lacks, unless the store still owes an answer."""
        records = self._memory.history.next()
        if records and not self._owed.is_awaited:
            message = StoreAlerts(records)
            self._owed.sent(message)
            self.address("store").offer(message)

    def _stored(self, written: StoreAlerts) -> None:
        self._memory.history.written(written.records)
        self._owed.take(written)
        self._send_next()

    # --- what is known -----------------------------------------------------------------------

    def _answer(self) -> Alerts:
        now_s, now, memory = monotonic(), datetime.now(UTC), self._memory
        return Alerts(
            rules=tuple(
                AlertRule(r.name, r.severity, r.summary, r.hold_s, r.clear_s)
                for r in self._rules.values()
            ),
            alerts=tuple(
                AlertNow(
                    key=alert.key,
                    rule=alert.rule.name,
                    subject=alert.subject,
                    severity=alert.rule.severity,
                    state=alert.state.value,
                    reason=alert.reason,
                    since=now - timedelta(seconds=now_s - alert.since_s),
                )
                for alert in memory.alerts.values()
            ),
            active=tuple(sorted(memory.history.active(), key=lambda each: each.cursor))[::-1],
            history=memory.history.notifications(),
            webhooks=self._notifier.now(),
        )

    def _report(self) -> None:
        memory = self._memory
        boxes = {name: memory.outboxes[name] for name in self._notifier.webhooks}
        status = AlerterStatus(
            firing=sum(
                a.state in (AlertState.FIRING, AlertState.CLEARING) for a in memory.alerts.values()
            ),
            waiting=sum(len(box.waiting) for box in boxes.values()),
            delivered=sum(box.delivered for box in boxes.values()),
            undelivered=sum(box.undelivered for box in boxes.values()),
            unwritten=memory.history.unwritten,
            given_up=memory.history.given_up,
        )
        failing = [
            f"{name} does not take alerts: {box.last_error.removeprefix(f'{name}: ')}"
            for name, box in boxes.items()
            if box.last_error
        ]
        if memory.history.error:
            failing.append(f"the copy of alerts cannot be written: {memory.history.error}")
        health = Health.DEGRADED if failing else Health.HEALTHY
        self.report(health, "; ".join(failing), status)
