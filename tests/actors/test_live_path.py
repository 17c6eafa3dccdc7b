"""The live path by itself: which state is served, and what the next snapshot is compared with."""

from __future__ import annotations

from tests.actors.paths import comparison
from tests.traffic.build import START, at, pilot
from vatwatch.actors.live_path import LivePath
from vatwatch.traffic.areas.known_areas import NO_AREAS
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import ComparedSnapshot


def followed(path: LivePath, entry_id: int, seconds: float) -> ComparedSnapshot:
    """The path after a snapshot that was fetched just now."""
    compared = comparison(path.state_before(at(seconds)), seconds)
    path.follow(entry_id, compared, fetched=True)
    return compared


def test_nothing_is_served_before_anything_is_known() -> None:
    path = LivePath()
    assert path.shown(NO_AREAS) is None
    path.join(NetworkState())  # an empty database
    assert path.shown(NO_AREAS) is None


def test_the_newest_fetched_snapshot_is_served_as_fetched() -> None:
    path = LivePath()
    followed(path, 4, 0)
    newest = followed(path, 5, 15)
    shown = path.shown(NO_AREAS)
    assert shown is not None
    assert (shown.state, shown.feed) == (newest.state, newest.decoded.snapshot.feed)
    assert (shown.recovered, shown.entry_id) == (False, 5)


def test_what_waited_in_the_journal_counts_as_fetched_once_it_is_announced() -> None:
    path = LivePath()
    path.follow(5, comparison(NetworkState(), 0), fetched=False)
    assert not path.announce(4)
    assert not path.fetched
    assert path.announce(5)
    shown = path.shown(NO_AREAS)
    assert shown is not None
    assert shown.fetched
    assert not path.announce(5)


def test_an_entry_is_live_once_though_the_journal_announces_it_twice() -> None:
    path = LivePath()
    followed(path, 5, 0)
    assert path.has_seen(5)
    assert path.has_seen(4)
    assert not path.has_seen(6)


def test_a_snapshot_is_compared_with_the_live_state() -> None:
    path = LivePath()
    state = followed(path, 1, 0).state
    assert path.state_before(at(15)) is state


def test_a_snapshot_of_a_clock_that_is_behind_is_compared_with_nothing() -> None:
    path = LivePath()
    followed(path, 1, 60)
    assert path.state_before(at(0)) == NetworkState()


def test_the_same_snapshot_fetched_again_confirms_the_state() -> None:
    path = LivePath()
    again = comparison(NetworkState(), 0)
    path.recover(3, again)
    assert path.shows(START)
    assert not path.shows(at(15))
    path.confirm(4, again.decoded.snapshot.feed)
    shown = path.shown(NO_AREAS)
    assert shown is not None
    assert (shown.state, shown.recovered, shown.entry_id) == (again.state, False, 4)


def test_a_state_from_the_journal_counts_as_recovered_until_something_is_fetched() -> None:
    path = LivePath()
    path.recover(3, comparison(NetworkState(), 0))
    assert (path.recovered, path.fetched) == (True, False)
    followed(path, 4, 15)
    assert (path.recovered, path.fetched) == (False, True)


def test_a_state_from_the_database_is_served_only_while_nothing_else_is_known() -> None:
    path = LivePath()
    from_database = comparison(NetworkState(), 0).state
    assert path.join(from_database)
    shown = path.shown(NO_AREAS)
    assert shown is not None
    assert (shown.state, shown.feed, shown.recovered) == (from_database, None, True)
    assert shown.entry_id is None


def test_the_paths_join_at_the_same_snapshot_and_not_at_another() -> None:
    path = LivePath()
    live = followed(path, 1, 15).state
    older = comparison(NetworkState(), 0).state
    assert not path.join(older)
    assert path.state is live
    same = comparison(NetworkState(), 15).state
    assert not path.join(same)
    assert path.state is same


def test_the_live_path_takes_over_what_the_durable_path_knows_better() -> None:
    path = LivePath()
    followed(path, 2, 900)  # from an empty state: every client online counts as new
    before = comparison(NetworkState(), 0, pilots=[pilot()]).state
    better = comparison(before, 900, pilots=[pilot()])
    path.refine(better)
    assert path.state is better.state
    assert path.entry_id == 2
    assert path.state.flights["ABC1"].first_seen == START
