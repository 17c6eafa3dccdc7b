"""Alerts: decides when one fires or is resolved. Pure: conditions and the time go in, alerts come
out.

A condition must hold for a rule's `hold_s` before its alert fires, and be gone for its `clear_s`
before it is resolved, without a break. So a condition that comes and goes faster than `hold_s`
causes no alert, and one that goes and comes back within `clear_s` causes only one.

    OK ──holds──▶ PENDING ──for hold_s──▶ FIRING ──gone──▶ CLEARING ──for clear_s──▶ OK
                  PENDING ──gone──▶ OK            CLEARING ──holds──▶ FIRING

A rule that cannot be judged at the moment (a part has just been started and has seen nothing yet)
is unknown: its alerts stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["warning", "critical"]


class AlertState(Enum):
    """The states of an alert; the drawing above has the transitions."""

    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long its condition must hold (`hold_s`) and be gone (`clear_s`), and its severity."""

    name: str
    severity: Severity
    summary: str
    hold_s: float
    clear_s: float


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule's condition holds now for this subject (a service, a breaker, ...)."""

    rule: str
    subject: str
    reason: str
    summary: str = ""
    """The text to use instead of the rule's summary."""
    severity: Severity | None = None
    """The severity, if it differs from the rule's."""
    because_of: tuple[str, ...] = ()
    """Keys of the conditions that cause this one, if they hold, too."""

    @property
    def key(self) -> str:
        """Names one alert."""
        return f"{self.rule}:{self.subject}" if self.subject else self.rule


def fold(conditions: Iterable[Condition]) -> list[Condition]:
    """Keep only the causes, and name their consequences in their reasons.

    A condition whose causes lead back to itself is a cause.
    """
    holding = {condition.key: condition for condition in conditions}
    followers: dict[str, list[str]] = {}
    for key, condition in holding.items():
        root = _root_of(key, holding)
        if root != key:
            followers.setdefault(root, []).append(condition.subject or condition.rule)
    roots = [c for key, c in holding.items() if _root_of(key, holding) == key]
    return [
        replace(root, reason=f"{root.reason}. Therefore also: {', '.join(sorted(also))}")
        if (also := followers.get(root.key))
        else root
        for root in roots
    ]


def _root_of(key: str, holding: Mapping[str, Condition]) -> str:
    seen = [key]
    while True:
        causes = holding[seen[-1]].because_of
        cause = next((each for each in causes if each in holding), None)
        if cause is None:
            return seen[-1]
        if cause in seen:
            # A circle: all of its conditions get the same root, wherever we begin.
            return min(seen[seen.index(cause) :])
        seen.append(cause)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is not OK. `since_s` is when it came into its state, `began_s` when its
    condition began to hold."""

    rule: Rule
    subject: str
    reason: str
    state: AlertState
    since_s: float
    began_s: float

    @property
    def key(self) -> str:
        """Names it."""
        return Condition(self.rule.name, self.subject, "").key


@dataclass(frozen=True, slots=True)
class Told:
    """An alert has fired, or is resolved."""

    event: Literal["firing", "resolved"]
    alert: Alert


def restored(
    rule: Rule,
    subject: str,
    summary: str,
    severity: Severity,
    reason: str,
    *,
    fired_s: float,
    began_s: float,
) -> Alert:
    """Restore an alert that fired in an earlier process and is not known to be over."""
    worded = replace(rule, summary=summary, severity=severity)
    return Alert(worded, subject, reason, AlertState.FIRING, fired_s, began_s)


AlertsByKey: TypeAlias = Mapping[str, Alert]


def step(
    alerts: AlertsByKey,
    rules: Mapping[str, Rule],
    conditions: Iterable[Condition],
    now_s: float,
    unknown: Set[str] = frozenset(),
) -> tuple[dict[str, Alert], list[Told]]:
    """Compute the next alerts, and those that fire or are resolved now.

    Args:
        alerts: the previous alerts, by their keys
        rules: every rule, by its name
        conditions: what holds now
        now_s: seconds of a clock that never goes back
        unknown: rules that cannot be judged now

    Returns:
        Every alert that is not OK now, by its key, and those that fire or are resolved just now.
    """
    holding = {condition.key: condition for condition in conditions}
    after: dict[str, Alert] = {}
    told: list[Told] = []
    for key in [*alerts, *(key for key in holding if key not in alerts)]:
        known = alerts.get(key)
        if known is not None and key not in holding and known.rule.name in unknown:
            after[key] = known
            continue
        alert, event = _next(known, rules, holding.get(key), now_s)
        if event is not None:
            assert alert is not None
            told.append(Told(event, alert))
        if alert is not None and event != "resolved":
            after[key] = alert
    return after, told


def under_rules(alerts: AlertsByKey, rules: Mapping[str, Rule]) -> dict[str, Alert]:
    """The same alerts with the current times of the rules."""
    return {
        key: replace(
            alert,
            rule=replace(
                alert.rule,
                hold_s=rules[alert.rule.name].hold_s,
                clear_s=rules[alert.rule.name].clear_s,
            ),
        )
        for key, alert in alerts.items()
        if alert.rule.name in rules
    }


def _next(
    alert: Alert | None, rules: Mapping[str, Rule], condition: Condition | None, now_s: float
) -> tuple[Alert | None, Literal["firing", "resolved"] | None]:
    if alert is None:
        assert condition is not None
        rule = rules[condition.rule]
        rule = replace(
            rule,
            summary=condition.summary or rule.summary,
            severity=condition.severity or rule.severity,
        )
        alert = Alert(rule, condition.subject, condition.reason, AlertState.PENDING, now_s, now_s)
    elif condition is not None:
        alert = replace(alert, reason=condition.reason)
    match alert.state, condition is not None:
        case AlertState.PENDING, True:
            if now_s - alert.since_s < alert.rule.hold_s:
                return alert, None
            return replace(alert, state=AlertState.FIRING, since_s=now_s), "firing"
        case AlertState.PENDING, False:
            return None, None
        case AlertState.FIRING, False:
            alert = replace(alert, state=AlertState.CLEARING, since_s=now_s)
        case AlertState.CLEARING, True:
            return replace(alert, state=AlertState.FIRING, since_s=now_s), None
    if alert.state is AlertState.CLEARING and now_s - alert.since_s >= alert.rule.clear_s:
        return alert, "resolved"
    return alert, None


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a counter grows, over a sliding window. A counter that falls was reset."""

    window_s: float
    samples: tuple[tuple[float, int], ...] = ()
    """Each sample's time, and its growth since the previous sample."""
    last: int | None = None

    def add(self, counter: int, now_s: float) -> Rate:
        """Add a reading. The first one adds nothing, since its count may be old."""
        grown = 0 if self.last is None else counter - self.last
        if grown < 0:
            grown = counter
        kept = [(at, n) for at, n in self.samples if now_s - at < self.window_s]
        return Rate(self.window_s, (*kept, (now_s, grown)) if grown else tuple(kept), counter)

    @property
    def total(self) -> int:
        """How much it has grown within the window."""
        return sum(n for _, n in self.samples)
