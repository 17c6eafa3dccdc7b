"""A close look at sentinels, each by itself: what it says of its service. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from redis import exceptions

from vatwatch.config import sentinels
from vatwatch.storage.first_look import TIMEOUT_S
from vatwatch.storage.redis_client import Sentinels, sentinels_of


@dataclass(frozen=True, slots=True)
class SentinelFacts:
    """What one of them says."""

    sentinel: str
    """Host and port."""
    error: str = ""
    """Why it says nothing; empty if it does."""
    master: str = ""
    """Host and port."""
    is_up: bool = False
    replicas: int = 0
    sentinels: int = 0
    """That watch this master, this one included."""
    quorum: int = 0
    down_after_ms: int = 0


def look_at_sentinels(url: str) -> tuple[SentinelFacts, ...]:
    """Each that the address names, in its order; none if it names a server."""
    address = sentinels.read(url)
    if address is None:
        return ()
    found = sentinels_of(address, TIMEOUT_S)
    places = (f"{host}:{port}" for host, port in address.sentinels)
    try:
        return tuple(
            _look(found, number, place, address.service) for number, place in enumerate(places)
        )
    finally:
        found.close()


def _look(found: Sentinels, number: int, place: str, service: str) -> SentinelFacts:
    try:
        state = cast("dict[str, Any]", found.sentinels[number].sentinel_master(service))
    except (exceptions.AuthenticationError, exceptions.NoPermissionError):
        return SentinelFacts(place, "does not let vatwatch in")
    except (exceptions.ConnectionError, exceptions.TimeoutError):
        return SentinelFacts(place, "does not answer")
    except exceptions.ResponseError:
        return SentinelFacts(place, f"knows no service {service}")
    return SentinelFacts(
        place,
        master=f"{state['ip']}:{state['port']}",
        is_up=found.is_usable(state),
        replicas=int(state.get("num-slaves", 0)),
        sentinels=int(state.get("num-other-sentinels", 0)) + 1,
        quorum=int(state.get("quorum", 0)),
        down_after_ms=int(state.get("down-after-milliseconds", 0)),
    )
