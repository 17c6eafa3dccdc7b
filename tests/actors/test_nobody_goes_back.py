"""Who reads is not taken back by what a node knows from before: the database, a journal, another
node's last words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis import Redis

from tests.actors.harness import Running, running, until
from tests.actors.node_house import leave_in_journal
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.traffic.build import at
from vatsim_simulator.publication import Publication
from vatwatch.messages import Followed, LiveChanged
from vatwatch.messages.cache import ShownState
from vatwatch.messages.status import ProcessorStatus
from vatwatch.traffic.marks import NO_MARKS
from vatwatch.traffic.network_state import NetworkState

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OWN = None
BEFORE, AFTER = (Followed(1, NO_MARKS, SINCE + timedelta(seconds=s)) for s in (-1, 1))


def live(seconds: float, *, fetched: bool, followed: Followed | None) -> LiveChanged:
    """A live state of so many seconds after the one that is shown."""
    state = replace(NetworkState(), time=at(seconds))
    return LiveChanged(state, None, not fetched, fetched, followed=followed)


@pytest.mark.parametrize(
    ("fetched", "followed", "is_followed"),
    [*product((True, False), (OWN, BEFORE, AFTER), (True, False))],
)
def test_only_what_was_fetched_since_takes_anybody_back(
    fetched: bool, followed: Followed | None, is_followed: bool
) -> None:
    shown = ShownState(at(0), SINCE, is_followed)
    for seconds in (0, 15):
        assert not live(seconds, fetched=fetched, followed=followed).goes_back(shown)
    older = live(-15, fetched=fetched, followed=followed)
    # A feed that goes back is followed, wherever it is fetched.
    may = fetched and (is_followed or followed is not BEFORE)
    assert older.goes_back(shown) is not may
    assert not older.goes_back(ShownState(None, SINCE, is_followed))


@pytest.mark.parametrize("waiting", [0, 2])
def test_a_start_does_not_take_back_who_reads_what_redis_has(
    tmp_path: Path, database_url: str, redis_url: str, waiting: int
) -> None:
    """All nodes were killed: what they fetched last is in Redis, and waits in their journals. The
    first one that starts knows what is stored, and what waits in its own."""
    given = updates(5)
    with running(made(tmp_path / "stored"), database_url) as service:
        service.hand_in(given[0])
        service.until_stored(time_of(given[0]))
    with running(made(tmp_path / "served"), NOWHERE, REDIS_URL=redis_url) as service:
        service.hand_in(given[3])
        service.until_served(time_of(given[3]))
        client = Redis.from_url(redis_url)
        until(lambda: client.exists("vatwatch:live:network"))
        client.close()
    home = made(tmp_path / "new")
    leave_in_journal(home / "home" / "journal", given[1 : 1 + waiting])
    with running(home, database_url, REDIS_URL=redis_url) as service:
        service.until_served(time_of(given[3]))
        until(lambda: service.sql.snapshots() == [time_of(one) for one in given[: 1 + waiting]])
        assert_shows_nothing_else(service, given[3])
        service.hand_in(given[4])
        service.until_served(time_of(given[4]))
        service.until_stored(time_of(given[4]))


def made(path: Path) -> Path:
    path.mkdir()
    return path


def assert_shows_nothing_else(service: Running, one: Publication) -> None:
    """All that is known from before has been told to the cache."""
    until(lambda: not service.status("processor", ProcessorStatus).behind)
    service.settle("processor", "cache")
    assert service.served() == time_of(one)
