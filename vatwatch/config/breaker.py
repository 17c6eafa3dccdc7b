"""Settings: circuit breakers, around dependencies and the service's own parts."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from vatwatch.config.section import Section, setting


class BreakerSettings(Section):
    """Circuit breakers, of what is outside and of the service's own parts."""

    failure_threshold: PositiveInt = setting(
        "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
        5,
        "Failures in a row that open a breaker.",
        reload=True,
    )
    timeout_s: PositiveFloat = setting(
        "CIRCUIT_BREAKER_TIMEOUT",
        60.0,
        "How long a breaker stays open before a trial.",
        unit="s",
        reload=True,
    )
    max_timeout_s: PositiveFloat = setting(
        "CIRCUIT_BREAKER_MAX_TIMEOUT",
        600.0,
        "The longest that a breaker of a part or of an event handler stays open; each trial that "
        "fails doubles the time. Those of dependencies keep CIRCUIT_BREAKER_TIMEOUT.",
        unit="s",
        reload=True,
    )
    trials: PositiveInt = setting(
        "CIRCUIT_BREAKER_TRIALS",
        1,
        "Messages that a part must handle on trial before its breaker closes.",
        reload=True,
    )
