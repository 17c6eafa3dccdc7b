"""Alerts: when somebody is told. Pure: what holds goes in, with the time; what is told comes out.

A condition must hold for a rule's `hold_s` before its alert fires, and be gone for its `clear_s`
before it is resolved, without a break. So a condition that comes and goes faster than `hold_s`
tells nobody anything, and one that goes and comes back within `clear_s` is told of once.

    OK ──holds──▶ PENDING ──for hold_s──▶ FIRING ──gone──▶ CLEARING ──for clear_s──▶ OK
                  PENDING ──gone──▶ OK            CLEARING ──holds──▶ FIRING

What nobody can say at the moment (a part has just been started, and has seen nothing yet) is
unknown: its alerts stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["warning", "critical"]


class AlertState(Enum):
    """Where an alert is; the drawing above has the transitions."""

    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long its condition must hold (`hold_s`) and be gone (`clear_s`), and how bad it is."""

    name: str
    severity: Severity
    summary: str
    hold_s: float
    clear_s: float


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule's condition holds now, of this subject (a service, a breaker, ...)."""

    rule: str
    subject: str
    reason: str
    summary: str = ""
    """What to tell instead of the rule's summary."""
    severity: Severity | None = None
    """How bad this one is, if not as the rule says."""
    because_of: tuple[str, ...] = ()
    """Keys of what this one follows from, if it holds too."""

    @property
    def key(self) -> str:
        """Names one alert."""
        return f"{self.rule}:{self.subject}" if self.subject else self.rule


def fold(conditions: Iterable[Condition]) -> list[Condition]:
    """The causes alone: what follows from one of the others is named in its reason.

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
            # A circle: all of it has one root, wherever one begins.
            return min(seen[seen.index(cause) :])
        seen.append(cause)


@dataclass(frozen=True, slots=True)
class Alert:
    """One that is not OK. `since_s` is when it came into its state, `began_s` when its condition
    began to hold."""

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
    """An alert that fired in an earlier process, and is not known to be over."""
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
    """The alerts of the next moment, and what is to be told.

    Args:
        alerts: those of the moment before, by their keys
        rules: every rule, by its name
        conditions: what holds now
        now_s: seconds of a clock that never goes back
        unknown: rules of which nobody can say now whether their conditions hold

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
    """The same alerts with the times that the rules have now."""
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
    """How fast a counter grows, over a sliding window. One that falls was reset."""

    window_s: float
    samples: tuple[tuple[float, int], ...] = ()
    """When, and how much more than at the sample before."""
    last: int | None = None

    def add(self, counter: int, now_s: float) -> Rate:
        """With one more reading. The first one says nothing: what it counts may be long ago."""
        grown = 0 if self.last is None else counter - self.last
        if grown < 0:
            grown = counter
        kept = [(at, n) for at, n in self.samples if now_s - at < self.window_s]
        return Rate(self.window_s, (*kept, (now_s, grown)) if grown else tuple(kept), counter)

    @property
    def total(self) -> int:
        """How much it has grown within the window."""
        return sum(n for _, n in self.samples)
