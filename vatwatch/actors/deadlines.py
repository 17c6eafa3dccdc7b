"""Deadlines of the actors that wait for others: the sum of the timeouts of what they do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings

# How long the fetcher waits for one answer of the journal.
JOURNAL_TIMEOUT_S = 20.0
# An fsync on a busy disk takes its time.
JOURNAL_BUSY_S = 20.0


def write_deadline_s(settings: Settings) -> float:
    """The store's deadline: it writes several batches in one go, each within its own limit."""
    return max(settings.service.handler_deadline_s, 4 * settings.database.timeout_s)


def poll_deadline_s(settings: Settings) -> float:
    """The fetcher's deadline: longer than a poll can take, with all its tries, the look-up of
    addresses, and the fetcher's questions to the journal (tell the clock, hold, release)."""
    vatsim = settings.vatsim
    return vatsim.poll_interval_s + 3 * vatsim.api_timeout_s + 3 * JOURNAL_TIMEOUT_S + 10


def busy_limits_s(settings: Settings) -> Mapping[str, float]:
    """By actor: how long it may handle one message and still count as healthy.

    Only actors that may need longer than a probe waits are listed.
    """
    limits = {
        "fetcher": poll_deadline_s(settings),
        "store": settings.database.timeout_s,
        "subscriptions": settings.database.timeout_s,
        "processor": settings.database.timeout_s,  # it asks the store
        "journal": JOURNAL_BUSY_S,
    }
    return MappingProxyType(limits)  # part of a child spec, which no actor may change
