"""Settings: alert rules, hold times, webhooks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, PositiveFloat, PositiveInt, SecretStr

from vatwatch.config import addresses
from vatwatch.config.section import SecretList, Section, setting


def _webhooks(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # For the whole list, not for each address: errors quote the value, which is a secret.
    for number, url in enumerate(value, 1):
        try:
            addresses.webhook(url.get_secret_value())
        except ValueError as error:
            raise ValueError(f"number {number} {error}") from None
    return value


# The condition of each rule, in words.
_RULES = {
    "NOT_SERVING": "vatwatch cannot serve",
    "UNHEALTHY": "a part is unhealthy",
    "DEGRADED": "a part is degraded",
    "BREAKER_OPEN": "a breaker is open",
    "FEED_AGE": "no new snapshot for VATWATCH_ALERT_FEED_AGE",
    "ERROR_RATE": "too many failures",
    "SNAPSHOTS_QUARANTINED": "snapshots are quarantined",
    "RESOURCE_HARD": "a hard limit is passed",
    "RESOURCE_SOFT": "a soft limit is passed",
    "SECTOR_LOAD": "a sector has reached its warning level",
    "FEWER_PILOTS": "far fewer pilots than usual",
}


def _hold(rule: str, unset: str = "VATWATCH_ALERT_HOLD") -> Any:
    """The hold time of a rule; if it is unset, that of the setting `unset` counts."""
    return _of_rule(rule, "HOLD", unset)


def _clear(rule: str) -> Any:
    return _of_rule(rule, "CLEAR", "VATWATCH_ALERT_CLEAR")


def _of_rule(rule: str, time: str, unset: str) -> Any:
    why = f"For the rule: {_RULES[rule]}. Unset: {unset}."
    return setting(
        f"VATWATCH_ALERT_{rule}_{time}",
        None,
        why,
        unit="s",
        ge=0,
        reload=True,
        # What has lasted for a day without a word is no alert any more.
        usual=(None, 86_400),
    )


class AlertSettings(Section):
    """When somebody is told, and who."""

    webhooks: Annotated[SecretList, AfterValidator(_webhooks)] = setting(
        "VATWATCH_ALERT_WEBHOOKS",
        (),
        "Addresses, separated by commas; one of Discord's gets Discord's form, others JSON.",
        secret=True,
        reload=True,
    )
    timeout_s: PositiveFloat = setting(
        "VATWATCH_ALERT_TIMEOUT",
        10.0,
        "How long a webhook may take to answer.",
        unit="s",
        reload=True,
    )
    deliver_within_s: PositiveFloat = setting(
        "VATWATCH_ALERT_DELIVER_WITHIN",
        600.0,
        "How long one notification is tried again while its webhook does not answer.",
        unit="s",
        reload=True,
    )
    interval_s: PositiveFloat = setting(
        "VATWATCH_ALERT_INTERVAL",
        5.0,
        "Time between two checks of all conditions.",
        unit="s",
        reload=True,
    )
    hold_s: float = setting(
        "VATWATCH_ALERT_HOLD",
        30.0,
        "How long a condition must hold before its alert fires. A restart of a part takes seconds.",
        unit="s",
        ge=0,
        reload=True,
    )
    clear_s: float = setting(
        "VATWATCH_ALERT_CLEAR",
        60.0,
        "How long a condition must be gone before its alert is resolved; avoids flapping.",
        unit="s",
        ge=0,
        reload=True,
    )
    degraded_hold_s: float = setting(
        "VATWATCH_ALERT_DEGRADED_HOLD",
        300.0,
        "The hold time of a degraded part: it still works, so there is no hurry.",
        unit="s",
        ge=0,
        reload=True,
    )
    degraded_clear_s: float | None = _clear("DEGRADED")
    not_serving_hold_s: float | None = _hold("NOT_SERVING")
    not_serving_clear_s: float | None = _clear("NOT_SERVING")
    unhealthy_hold_s: float | None = _hold("UNHEALTHY")
    unhealthy_clear_s: float | None = _clear("UNHEALTHY")
    breaker_open_hold_s: float | None = _hold("BREAKER_OPEN")
    breaker_open_clear_s: float | None = _clear("BREAKER_OPEN")
    feed_age_hold_s: float | None = _hold("FEED_AGE")
    feed_age_clear_s: float | None = _clear("FEED_AGE")
    error_rate_hold_s: float | None = _hold("ERROR_RATE")
    error_rate_clear_s: float | None = _clear("ERROR_RATE")
    snapshots_quarantined_hold_s: float | None = _hold("SNAPSHOTS_QUARANTINED")
    snapshots_quarantined_clear_s: float | None = _clear("SNAPSHOTS_QUARANTINED")
    resource_hard_hold_s: float | None = _hold("RESOURCE_HARD")
    resource_hard_clear_s: float | None = _clear("RESOURCE_HARD")
    resource_soft_hold_s: float | None = _hold("RESOURCE_SOFT", "VATWATCH_ALERT_DEGRADED_HOLD")
    resource_soft_clear_s: float | None = _clear("RESOURCE_SOFT")
    sector_load_hold_s: float | None = _hold("SECTOR_LOAD")
    sector_load_clear_s: float | None = _clear("SECTOR_LOAD")
    # One update may be cut off; four in a row (15 s each) are not an accident.
    fewer_pilots_hold_s: float = setting(
        "VATWATCH_ALERT_FEWER_PILOTS_HOLD",
        60.0,
        "For the rule: far fewer pilots than usual. Four updates of the feed.",
        unit="s",
        ge=0,
        reload=True,
    )
    fewer_pilots_clear_s: float | None = _clear("FEWER_PILOTS")
    feed_age_s: PositiveFloat = setting(
        "VATWATCH_ALERT_FEED_AGE",
        120.0,
        "How long without a new snapshot is too long.",
        unit="s",
        reload=True,
    )
    errors_per_minute: PositiveInt = setting(
        "VATWATCH_ALERT_ERROR_RATE", 10, "Failures within a minute that are too many.", reload=True
    )
    retention_hours: PositiveFloat = setting(
        "VATWATCH_ALERT_RETENTION_HOURS",
        2160.0,
        "How long the table keeps alerts that are over: a quarter of a year, to compare months.",
        unit="h",
        reload=True,
    )

    def hold_of(self, rule: str) -> float:
        """How long the condition of this rule must hold, in seconds."""
        own: float | None = getattr(self, f"{rule}_hold_s")
        if own is not None:
            return own
        return self.degraded_hold_s if rule == "resource_soft" else self.hold_s

    def clear_of(self, rule: str) -> float:
        """How long the condition of this rule must be gone, in seconds."""
        own: float | None = getattr(self, f"{rule}_clear_s")
        return self.clear_s if own is None else own
