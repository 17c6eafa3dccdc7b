"""Settings: the live state."""

from __future__ import annotations

from typing import Annotated

from pydantic import PositiveInt, SecretStr

from vatwatch.config import addresses
from vatwatch.config.section import Section, checked, setting


class CacheSettings(Section):
    """The live state."""

    redis_url: Annotated[SecretStr, checked(addresses.redis)] | None = setting(
        "REDIS_URL",
        None,
        "Where Redis is, or the sentinels that name its master; unset: the live state stays in the "
        "process.",
    )
    ttl_default_s: PositiveInt = setting(
        "CACHE_TTL_DEFAULT",
        300,
        "How long Redis keeps the network's totals and the settings.",
        unit="s",
        reload=True,
    )
    ttl_flight_data_s: PositiveInt = setting(
        "CACHE_TTL_FLIGHT_DATA",
        60,
        "How long Redis keeps flights and radios.",
        unit="s",
        reload=True,
    )
    ttl_atc_data_s: PositiveInt = setting(
        "CACHE_TTL_ATC_DATA",
        30,
        "How long Redis keeps controllers and ATIS.",
        unit="s",
        reload=True,
    )
    ttl_events_s: PositiveInt = setting(
        "CACHE_TTL_EVENTS",
        86_400,
        "How long Redis keeps the stream of events after its latest event.",
        unit="s",
        reload=True,
    )
