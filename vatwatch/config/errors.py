"""Settings: the service's own errors."""

from __future__ import annotations

from pydantic import PositiveInt

from vatwatch.config.section import Section, Switch, setting


class ErrorSettings(Section):
    """What is made of the service's own errors."""

    enabled: Switch = setting(
        "ERROR_MANAGER_ENABLED",
        True,
        "Whether errors are kept, counted by kind, and published. Off: they are logged, and "
        "/api/errors says that it is off. Recovery works all the same.",
    )
    retention_hours: PositiveInt = setting(
        "ERROR_ANALYTICS_RETENTION_HOURS",
        24,
        "How long the table keeps errors.",
        unit="h",
        reload=True,
    )
