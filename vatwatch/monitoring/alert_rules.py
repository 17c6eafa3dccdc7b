"""The alert rules: the subject and severity of each.

When a rule holds is judged in `actors/conditions.py`. How long it must hold before it fires is a
setting of each rule (`config.alerts`)."""

from __future__ import annotations

from collections.abc import Callable

from vatwatch.monitoring.alerts import Rule, Severity

# Name, severity, and the text if the condition has none of its own.
_RULES: tuple[tuple[str, Severity, str], ...] = (
    ("not_serving", "critical", "vatwatch cannot serve"),
    ("unhealthy", "critical", "a part is unhealthy"),
    ("degraded", "warning", "a part is degraded"),
    ("breaker_open", "warning", "a breaker is open"),
    ("feed_age", "critical", "no new snapshot comes in"),
    ("fewer_pilots", "warning", "far fewer pilots than usual"),
    ("sector_load", "warning", "a sector has reached its warning level"),
    ("error_rate", "warning", "too many failures a minute"),
    ("snapshots_quarantined", "warning", "snapshots are quarantined"),
    ("resource_hard", "critical", "a hard limit is passed"),
    ("resource_soft", "warning", "a soft limit is passed"),
)
NAMES = tuple(name for name, _, _ in _RULES)


def rules_with(hold_s: Callable[[str], float], clear_s: Callable[[str], float]) -> dict[str, Rule]:
    """Every rule by its name; `hold_s(name)` and `clear_s(name)` are its times, in seconds."""
    return {
        name: Rule(name, severity, summary, hold_s(name), clear_s(name))
        for name, severity, summary in _RULES
    }
