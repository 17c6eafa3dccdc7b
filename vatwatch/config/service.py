"""Settings: the process."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from vatwatch.config.section import Section, setting


class ServiceSettings(Section):
    """The process."""

    max_workers: PositiveInt = setting(
        "SERVICE_MAX_WORKERS", 4, "The upper bound of VATWATCH_WORKERS."
    )
    health_check_interval_s: PositiveFloat = setting(
        "SERVICE_HEALTH_CHECK_INTERVAL",
        30.0,
        "Time between two health checks of all services.",
        unit="s",
        reload=True,
    )
    probe_timeout_s: PositiveFloat = setting(
        "VATWATCH_PROBE_TIMEOUT",
        5.0,
        "How long a service may take to answer the health monitor.",
        unit="s",
        reload=True,
    )
    handler_deadline_s: PositiveFloat = setting(
        "VATWATCH_HANDLER_DEADLINE",
        60.0,
        "A service that needs longer for one message is taken to hang, and is restarted. The "
        "store, the fetcher and the embedded PostgreSQL may take as long as their own timeouts "
        "add up to.",
        unit="s",
        reload=True,
        # A full collection of garbage and a slow disk take a second or two.
        usual=(5, 3600),
    )
    shutdown_timeout_s: PositiveFloat = setting(
        "SERVICE_SHUTDOWN_TIMEOUT",
        30.0,
        "How long an ordered stop may take.",
        unit="s",
        usual=(2, 3600),
    )
