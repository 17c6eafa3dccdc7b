"""Settings: what is made of the service's own errors."""

from __future__ import annotations

from pydantic import PositiveInt

from vatwatch.config.section import Section, Switch, setting


class ErrorSettings(Section):
    """What is made of the service's own errors."""

    enabled: Switch = setting(
        "ERROR_MANAGER_ENABLED",
        True,
        "Whether errors are counted, kept and told of; what is done about them does not depend "
        "on it.",
    )
    retention_hours: PositiveInt = setting(
        "ERROR_ANALYTICS_RETENTION_HOURS", 24, "How long they are kept.", unit="h"
    )
