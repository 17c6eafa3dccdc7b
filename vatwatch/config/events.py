"""Settings: the event bus."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from vatwatch.config.section import Section, setting

# An event takes a kilobyte, more or less: ten gigabytes.
MOST_IN_MEMORY = 10_000_000


class EventSettings(Section):
    """The event bus."""

    max_history_size: PositiveInt = setting(
        "EVENT_BUS_MAX_HISTORY_SIZE",
        1000,
        "Events kept in memory, and about as many in Redis' stream; the table keeps all.",
        reload=True,
        le=MOST_IN_MEMORY,
    )
    max_dead_letter_size: PositiveInt = setting(
        "EVENT_BUS_MAX_DEAD_LETTER_SIZE",
        100,
        "Dead letters kept in memory; the table keeps all.",
        reload=True,
        le=MOST_IN_MEMORY,
    )
    handler_timeout_s: PositiveFloat = setting(
        "EVENT_BUS_HANDLER_TIMEOUT",
        30.0,
        "How long a handler may take for one event.",
        unit="s",
        reload=True,
    )
    retry_attempts: int = setting(
        "EVENT_BUS_RETRY_ATTEMPTS",
        3,
        "Retries after the first try before an event becomes a dead letter.",
        ge=0,
        le=20,
        reload=True,
    )
    handler_queue_size: PositiveInt = setting(
        "EVENT_BUS_HANDLER_QUEUE_SIZE",
        10_000,
        "Events that may wait for one handler; beyond that the oldest becomes a dead letter.",
        reload=True,
        le=MOST_IN_MEMORY,
    )
    backlog_size: PositiveInt = setting(
        "EVENT_BUS_BACKLOG_SIZE",
        50_000,
        "Events and dead letters that may wait for the database; then the oldest is dropped.",
        reload=True,
        le=MOST_IN_MEMORY,
    )
    retention_hours: PositiveFloat = setting(
        "VATWATCH_EVENT_RETENTION_HOURS",
        168.0,
        "How long the tables keep events and dead letters.",
        unit="h",
        reload=True,
    )
