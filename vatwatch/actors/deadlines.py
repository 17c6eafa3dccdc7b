"""How long the actors that wait for others may take, from the time-outs that add up there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings

# What the fetcher waits for one answer of the journal.
JOURNAL_TIMEOUT_S = 20.0
# An fsync on a busy disk takes its time.
JOURNAL_BUSY_S = 20.0


def write_deadline_s(settings: Settings) -> float:
    """Of the store: several batches are written in one go, each within a time of its own."""
    return max(settings.service.handler_deadline_s, 4 * settings.database.timeout_s)


def poll_deadline_s(settings: Settings) -> float:
    """Of the fetcher: longer than a poll with all its tries, its look-up and what it asks of the
    journal (to tell the clock, to hold, and to release) can take."""
    vatsim = settings.vatsim
    return vatsim.poll_interval_s + 3 * vatsim.api_timeout_s + 3 * JOURNAL_TIMEOUT_S + 10


def busy_limits_s(settings: Settings) -> Mapping[str, float]:
    """Who may have a message in hand for longer than a probe waits, and is healthy all the same.

    By the actors' names.
    """
    limits = {
        "fetcher": poll_deadline_s(settings),
        "store": settings.database.timeout_s,
        "processor": settings.database.timeout_s,  # it asks the store
        "journal": JOURNAL_BUSY_S,
    }
    return MappingProxyType(limits)  # part of a child spec, which no actor may change
