"""Alerter: sees what holds, decides whether to tell (monitoring.alerts), tells log and webhooks.

Receives  EvaluateAlerts, Delivered, GetAlerts, NotifyAgain
Asks      health_monitor GetReports; the directory for breakers
Sends     notifications to webhooks, each in a greenlet of its own, in order; StoreDeadLetter and
          DeleteDeadLetter to event_bus; ServiceReport
Holds     a record that it hands over: the alerts, what was told, what waits for each webhook
Restart   costs nothing; a notification that was under way is sent again. If the successor fails,
          too, it costs the record: what still holds fires again after its hold time, and what
          waited for a webhook is not sent (the log has it)
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeAlias, assert_never
from uuid import UUID, uuid4

import gevent
import msgspec
from gevent.event import Event as Signal

from vatwatch import __version__
from vatwatch.actors.breakers import dependency_policy
from vatwatch.actors.conditions import of_age, of_health, of_resources
from vatwatch.actors.service import Service
from vatwatch.actors.webhook import Webhook, send
from vatwatch.config.alerts import AlertSettings
from vatwatch.config.breaker import BreakerSettings
from vatwatch.counting import counted
from vatwatch.errors import BreakerOpen, SupervisionError, WebhookRefused, WebhookUnavailable
from vatwatch.messages import (
    DeleteDeadLetter,
    Delivered,
    GetAlerts,
    GetReports,
    NotifyAgain,
    Reports,
    StoreDeadLetter,
)
from vatwatch.messages.alerter import ToAlerter
from vatwatch.messages.status import AlerterStatus, ErrorStatus, JournalStatus
from vatwatch.monitoring.alerts import Alert, AlertState, Condition, Rate, Rule, Told, fold, step
from vatwatch.monitoring.health import Health
from vatwatch.monitoring.notifications import AlertNow, AlertRule, Alerts, Notification, WebhookNow
from vatwatch.supervision import (
    Backoff,
    Recovery,
    Retry,
    Tell,
    Timer,
    WithBreaker,
)
from vatwatch.traffic.dead_letters import DeadLetter, letter_id, storable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluateAlerts(Tell):
    """See what holds, and tell."""


Received: TypeAlias = ToAlerter | EvaluateAlerts

ASK_TIMEOUT_S = 2.0
# News come in swarms: they are looked at together.
NEWS_S = 0.1
HISTORY = 200
# What waits for one webhook; the oldest go first.
WAITING = 200
# Within one attempt; between attempts a webhook that is away is left alone for longer.
QUICK = Backoff(base_s=0.2, cap_s=1.0)
QUICK_TRIES = 2
PATIENT = Backoff(base_s=1.0, cap_s=60.0)
MIN_PAUSE_S = 0.05
ERROR_WINDOW_S = 60.0
# One odd snapshot costs itself and has its error. Three of the forty that come in ten minutes are
# no accident: the feed has changed, or vatwatch has a bug, and each of them is missing.
QUARANTINE_WINDOW_S = 600.0
QUARANTINED_MANY = 3
# How long stopping waits for notifications that are under way.
STOP_S = 3.0


def rules_of(settings: AlertSettings) -> dict[str, Rule]:
    """Every rule, by its name."""
    hold, long, clear = settings.hold_s, settings.degraded_hold_s, settings.clear_s
    rules = (
        Rule("not_serving", "critical", "vatwatch cannot serve", hold, clear),
        Rule("unhealthy", "critical", "a part is unhealthy", hold, clear),
        Rule("degraded", "warning", "a part is degraded", long, clear),
        Rule("breaker_open", "warning", "a breaker is open", hold, clear),
        # Its own age is hold time enough.
        Rule("feed_age", "critical", "no new snapshot comes in", 0.0, clear),
        Rule("error_rate", "warning", "too many failures a minute", hold, clear),
        # That it is several is hold time enough.
        Rule("snapshots_quarantined", "warning", "snapshots are quarantined", 0.0, clear),
        Rule("resource_hard", "critical", "a hard limit is passed", hold, clear),
        Rule("resource_soft", "warning", "a soft limit is passed", long, clear),
    )
    return {rule.name: rule for rule in rules}


def webhooks_of(settings: AlertSettings) -> list[Webhook]:
    """The webhooks in the order of the settings, numbered from 1."""
    return [Webhook.at(url.get_secret_value(), n) for n, url in enumerate(settings.webhooks, 1)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification on its way, with the dead letter that it was in the meantime."""

    notification: Notification
    letter: DeadLetter | None = None


@dataclass(slots=True)
class Outbox:
    """What waits for one webhook, and how it went so far."""

    waiting: deque[Waiting] = field(default_factory=deque)
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""


@dataclass(slots=True)
class AlertRecords:
    """What is known, and handed over to the successor."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    history: deque[Notification] = field(default_factory=lambda: deque(maxlen=HISTORY))
    outboxes: dict[str, Outbox] = field(default_factory=dict)
    errors: Rate = field(default_factory=lambda: Rate(ERROR_WINDOW_S))
    newest: dict[str, datetime] = field(default_factory=dict)
    quarantined: Rate = field(default_factory=lambda: Rate(QUARANTINE_WINDOW_S))


class AlerterActor(Service):
    """Keeper of who must be told."""

    def __init__(self, settings: AlertSettings, breaker: BreakerSettings) -> None:
        super().__init__()
        self._records = AlertRecords()
        self._settings = settings
        self._breaker = breaker
        self._rules = rules_of(settings)
        self._webhooks = webhooks_of(settings)
        self._latest: Reports | None = None
        self._timer: Timer | None = None
        self._soon = False
        self._signals = {webhook.name: Signal() for webhook in self._webhooks}
        self._stopping = Signal()
        self._deliveries: list[gevent.Greenlet[..., object]] = []

    def on_start(self) -> None:
        if inherited := self.inherited(AlertRecords):
            self._records = inherited
        elif not self.restarts:
            # Nothing was counted before the first incarnation: what is set aside first counts, too.
            self._records.quarantined = Rate(QUARANTINE_WINDOW_S, last=0)
        for webhook in self._webhooks:
            self._records.outboxes.setdefault(webhook.name, Outbox())
            self._deliveries.append(self.spawn(self._deliver_all, webhook))
        self._evaluate_in(0)

    def on_stop(self) -> None:
        # What is under way is let finish; killed while it connects, it would leave a socket open.
        self._stopping.set()
        for signal in self._signals.values():
            signal.set()
        gevent.joinall(self._deliveries, timeout=STOP_S)

    def hand_over(self) -> AlertRecords:
        gevent.killall(self._deliveries)  # they change it
        return self._records

    def on_receive(self, message: Received) -> Alerts | None:
        match message:
            case EvaluateAlerts():
                self._evaluate()
                self._evaluate_in(self._settings.interval_s)
            case Delivered():
                # Whatever it is: what holds is looked at, so that no event can be missed.
                if not self._soon:
                    self._evaluate_in(min(NEWS_S, self._settings.interval_s))
                    self._soon = True
            case GetAlerts():
                return self._answer()
            case NotifyAgain(letter):
                self._notify_again(letter)
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
        now_s = monotonic()
        conditions = fold(self._conditions(now_s))
        self._records.alerts, told = step(self._records.alerts, self._rules, conditions, now_s)
        log.debug("What holds: %s", ", ".join(one.rule for one in conditions) or "nothing")
        for one in told:
            self._tell(one, now_s)
        self._report()

    def _conditions(self, now_s: float) -> Iterator[Condition]:
        try:
            asked = self.address("health_monitor").ask(GetReports(), timeout_s=ASK_TIMEOUT_S)
        except SupervisionError as error:
            # The others are as they were: that nobody can say it is no reason to be calm.
            yield Condition("unhealthy", "health_monitor", str(error))
        else:
            self._latest = asked
        latest = self._latest
        if latest is not None:
            yield from of_health(latest, self.breakers())
            yield from of_age(
                latest, self._records.newest, datetime.now(UTC), self._settings.feed_age_s
            )
            yield from self._of_errors(latest, now_s)
            yield from self._of_quarantine(latest, now_s)
            yield from of_resources(latest)

    def _of_errors(self, reports: Reports, now_s: float) -> Iterator[Condition]:
        report = reports.services.get("error_manager")
        if report is None or not isinstance(report.status, ErrorStatus):
            return
        errors = self._records.errors = self._records.errors.add(report.status.unexpected, now_s)
        if errors.total > self._settings.errors_per_minute:
            reason = (
                f"{counted(errors.total, 'failure')} in a minute; "
                f"the last: {report.status.last_failure}"
            )
            yield Condition("error_rate", "", reason)

    def _of_quarantine(self, reports: Reports, now_s: float) -> Iterator[Condition]:
        report = reports.services.get("journal")
        if report is None or not isinstance(report.status, JournalStatus):
            return
        total = report.status.quarantined_total
        recent = self._records.quarantined = self._records.quarantined.add(total, now_s)
        if recent.total >= QUARANTINED_MANY:
            reason = (
                f"{counted(recent.total, 'snapshot was', 'snapshots were')} quarantined within ten "
                "minutes; "
                "/api/errors says why, and the files are in the journal's quarantine"
            )
            yield Condition("snapshots_quarantined", "", reason)

    # --- telling -----------------------------------------------------------------------------

    def _tell(self, told: Told, now_s: float) -> None:
        alert, now = told.alert, datetime.now(UTC)
        fired_s = now_s if alert.fired_s is None else alert.fired_s
        notification = Notification(
            id=str(uuid4()),
            event=told.event,
            key=alert.key,
            rule=alert.rule.name,
            subject=alert.subject,
            severity=alert.rule.severity,
            summary=alert.rule.summary,
            reason=alert.reason,
            at=now,
            fired_at=now - timedelta(seconds=now_s - fired_s),
            source="vatwatch",
            version=__version__,
        )
        about = f" ({alert.subject})" if alert.subject else ""
        if told.event == "firing":
            log.warning("Alert: %s%s: %s", alert.rule.summary, about, alert.reason)
        else:
            log.info("Alert resolved: %s%s", alert.rule.summary, about)
        self._records.history.append(notification)
        for webhook in self._webhooks:
            self._put(webhook, Waiting(notification))

    def _put(self, webhook: Webhook, waiting: Waiting) -> None:
        outbox = self._records.outboxes[webhook.name]
        outbox.waiting.append(waiting)
        if len(outbox.waiting) > WAITING:
            # Not the first one: that is under way.
            dropped = outbox.waiting[1]
            del outbox.waiting[1]
            self._give_up(webhook, dropped, "overflow", f"more than {WAITING} wait", 0)
        self._signals[webhook.name].set()

    def _notify_again(self, letter: DeadLetter) -> None:
        webhook = next((w for w in self._webhooks if w.name == letter.receiver), None)
        if webhook is None:
            log.warning(
                "The dead letter %s cannot be delivered again: its receiver, %s, no longer exists.",
                letter.id,
                letter.receiver,
            )
            return
        outbox = self._records.outboxes[webhook.name]
        if all(waiting.letter is None or waiting.letter.id != letter.id
               for waiting in outbox.waiting):  # fmt: skip
            notification = msgspec.json.decode(letter.message, type=Notification)
            self._put(webhook, Waiting(notification, letter))

    def _deliver_all(self, webhook: Webhook) -> None:
        """One after another, for as long as the actor lives."""
        circuit_breaker = self.circuit_breaker(
            webhook.name,
            dependency_policy(self._breaker),
            failure_types=WebhookUnavailable,
            kind="webhook",
        )
        again = Retry(QUICK_TRIES, QUICK, on=_is_worth_a_quick_try)
        recovery = self.recovery(f"notify {webhook.name}", WithBreaker(circuit_breaker), again)
        outbox, signal = self._records.outboxes[webhook.name], self._signals[webhook.name]
        while not self._stopping.is_set():
            if outbox.waiting:
                if self._deliver(webhook, outbox.waiting[0], recovery):
                    outbox.waiting.popleft()
                self._report()
            else:
                signal.clear()
                signal.wait()

    def _deliver(self, webhook: Webhook, waiting: Waiting, recovery: Recovery) -> bool:
        """Try until it is taken, refused, or too late; False if we stop before."""
        outbox, notification = self._records.outboxes[webhook.name], waiting.notification
        deadline = monotonic() + self._settings.deliver_within_s
        attempt = 0
        while True:
            try:
                recovery.call(
                    lambda: send(webhook, notification, timeout_s=self._settings.timeout_s),
                    correlation_id=notification.id,
                )
            except WebhookRefused as error:
                self._give_up(webhook, waiting, "refused", str(error), attempt + 1)
                return True
            except BreakerOpen as error:
                pause_s = error.retry_in_s
            except WebhookUnavailable as error:
                outbox.last_error = str(error)
                attempt += 1
                pause_s = error.retry_after_s or PATIENT.delay(attempt, random.random)
            else:
                outbox.delivered += 1
                outbox.last_error = ""
                if waiting.letter is not None:
                    self.send("event_bus", DeleteDeadLetter(waiting.letter.id))
                return True
            pause_s = max(pause_s, MIN_PAUSE_S)
            if monotonic() + pause_s > deadline:
                self._give_up(webhook, waiting, "unavailable", outbox.last_error or "away", attempt)
                return True
            if self._stopping.wait(pause_s):
                return False

    def _give_up(
        self, webhook: Webhook, waiting: Waiting, reason: str, error: str, attempts: int
    ) -> None:
        notification, before = waiting.notification, waiting.letter
        about = f"{notification.summary} ({notification.subject})".removesuffix(" ()")
        log.warning(
            'The alert "%s" could not be delivered to %s: %s. It is kept as a dead letter.',
            about,
            webhook.name,
            error.removeprefix(f"{webhook.name}: "),
        )
        outbox = self._records.outboxes[webhook.name]
        outbox.undelivered += 1
        outbox.last_error = error
        letter = DeadLetter(
            id=letter_id(UUID(notification.id), webhook.name),
            kind="alert",
            receiver=webhook.name,
            type=notification.rule,
            reason=reason,
            error=storable(error),
            attempts=attempts + (0 if before is None else before.attempts),
            time=datetime.now(UTC),
            message=storable(msgspec.json.encode(notification).decode()),
        )
        self.send("event_bus", StoreDeadLetter(letter))

    # --- what is known -----------------------------------------------------------------------

    def _answer(self) -> Alerts:
        now_s, now = monotonic(), datetime.now(UTC)
        records = self._records
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
                for alert in records.alerts.values()
            ),
            history=tuple(records.history),
            webhooks=tuple(
                WebhookNow(
                    webhook.name,
                    webhook.form,
                    len(box.waiting),
                    box.delivered,
                    box.undelivered,
                    box.last_error,
                )
                for webhook in self._webhooks
                for box in (records.outboxes[webhook.name],)
            ),
        )

    def _report(self) -> None:
        boxes = self._records.outboxes.values()
        status = AlerterStatus(
            firing=sum(
                a.state in (AlertState.FIRING, AlertState.CLEARING)
                for a in self._records.alerts.values()
            ),
            waiting=sum(len(box.waiting) for box in boxes),
            delivered=sum(box.delivered for box in boxes),
            undelivered=sum(box.undelivered for box in boxes),
        )
        failing = [
            f"{name} does not take alerts: {box.last_error.removeprefix(f'{name}: ')}"
            for name, box in self._records.outboxes.items()
            if box.last_error
        ]
        if failing:
            self.report(Health.DEGRADED, "; ".join(failing), status)
        else:
            self.report(Health.HEALTHY, "", status)


def _is_worth_a_quick_try(error: Exception) -> bool:
    """A server that names a time is not asked before it."""
    return isinstance(error, WebhookUnavailable) and error.retry_after_s is None
