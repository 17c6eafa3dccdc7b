"""Settings: when somebody is told, and who."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt, SecretStr

from vatwatch.config import addresses
from vatwatch.config.section import SecretList, Section, setting


def _webhooks(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # Of the whole, not of each: what is wrong is told of with its value, and this is a secret.
    for number, url in enumerate(value, 1):
        try:
            addresses.webhook(url.get_secret_value())
        except ValueError as error:
            raise ValueError(f"number {number} {error}") from None
    return value


class AlertSettings(Section):
    """When somebody is told, and who."""

    webhooks: Annotated[SecretList, AfterValidator(_webhooks)] = setting(
        "VATWATCH_ALERT_WEBHOOKS",
        (),
        "Addresses, separated by commas; one of Discord's gets Discord's form, others JSON.",
        secret=True,
    )
    timeout_s: PositiveFloat = setting(
        "VATWATCH_ALERT_TIMEOUT", 10.0, "How long a webhook may take to answer.", unit="s"
    )
    deliver_within_s: PositiveFloat = setting(
        "VATWATCH_ALERT_DELIVER_WITHIN",
        600.0,
        "How long a webhook that is away is tried with one notification.",
        unit="s",
    )
    interval_s: PositiveFloat = setting(
        "VATWATCH_ALERT_INTERVAL", 5.0, "Between two looks at what holds.", unit="s"
    )
    hold_s: float = setting(
        "VATWATCH_ALERT_HOLD", 30.0, "How long it must hold before it fires.", unit="s", ge=0
    )
    clear_s: float = setting(
        "VATWATCH_ALERT_CLEAR",
        60.0,
        "How long it must be gone before it is resolved.",
        unit="s",
        ge=0,
    )
    degraded_hold_s: float = setting(
        "VATWATCH_ALERT_DEGRADED_HOLD",
        300.0,
        "The same for what only degrades, and for soft limits.",
        unit="s",
        ge=0,
    )
    feed_age_s: PositiveFloat = setting(
        "VATWATCH_ALERT_FEED_AGE", 120.0, "How long without a new snapshot is too long.", unit="s"
    )
    errors_per_minute: PositiveInt = setting(
        "VATWATCH_ALERT_ERROR_RATE", 10, "Failures within a minute that are too many."
    )
