"""The durable path by itself: what may be sent to the store, and what its answers mean."""

from __future__ import annotations

from tests.actors.paths import comparison, journaled
from vatwatch.actors.durable_path import MAX_UNACKNOWLEDGED, DurablePath
from vatwatch.messages import Recovered, StoreBatch
from vatwatch.traffic.network_state import NetworkState


def known(state: NetworkState) -> DurablePath:
    """A path after the database has given this state, with nothing on its way."""
    path = DurablePath(generation=7)
    path.begin_recovery()
    path.recovered(Recovered(state, stored=False), None)
    return path


def sent(path: DurablePath, entry_id: int, seconds: float) -> StoreBatch:
    assert path.state is not None
    return path.send(journaled(entry_id), comparison(path.state, seconds))


def test_nothing_can_be_sent_before_the_database_has_answered() -> None:
    path = DurablePath(generation=7)
    assert path.state is None
    assert not path.continues(NetworkState(), 1)


def test_while_the_database_is_asked_the_path_waits() -> None:
    path = DurablePath(generation=7)
    assert path.expects(path.begin_recovery())
    assert path.is_waiting
    path.recovered(None, None)
    assert not path.is_waiting
    assert path.state is None


def test_a_batch_says_which_entry_and_generation_it_is_of() -> None:
    path = known(NetworkState())
    batch = sent(path, 3, 0)
    assert (batch.batch.entry_id, batch.generation, batch.batch.source) == (3, 7, "test")
    assert path.state is not None
    assert path.state.time == batch.batch.changes.time


def test_a_snapshot_compared_with_the_same_state_right_after_the_last_entry_goes_on() -> None:
    path = known(NetworkState())
    sent(path, 3, 0)
    assert path.state is not None
    assert path.continues(path.state, 4)


def test_a_snapshot_does_not_go_on_from_an_equal_state_that_is_another() -> None:
    """Equal to the feed's eye; but what the live path forgot, the database may know."""
    path = known(NetworkState())
    sent(path, 3, 0)
    assert not path.continues(comparison(NetworkState(), 0).state, 4)


def test_a_snapshot_does_not_go_on_past_an_entry_that_was_missed() -> None:
    path = known(NetworkState())
    sent(path, 3, 0)
    assert path.state is not None
    assert not path.continues(path.state, 5)


def test_a_snapshot_does_not_go_on_while_the_journal_must_be_asked() -> None:
    path = known(NetworkState())
    sent(path, 3, 0)
    path.catch_up_due = True
    assert path.state is not None
    assert not path.continues(path.state, 4)


def test_no_more_is_on_its_way_than_the_bound() -> None:
    path = known(NetworkState())
    for entry_id in range(1, MAX_UNACKNOWLEDGED + 1):
        assert not path.is_waiting
        sent(path, entry_id, 15.0 * entry_id)
    assert path.is_waiting
    assert path.state is not None
    assert not path.continues(path.state, MAX_UNACKNOWLEDGED + 1)
    assert path.waits_for == ("acknowledgement", 1)


def test_an_acknowledgement_is_also_one_of_all_before_it() -> None:
    path = known(NetworkState())
    for entry_id in range(1, MAX_UNACKNOWLEDGED + 1):
        sent(path, entry_id, 15.0 * entry_id)
    path.acknowledge(MAX_UNACKNOWLEDGED - 1)
    assert not path.is_waiting
    for entry_id in range(MAX_UNACKNOWLEDGED + 1, 2 * MAX_UNACKNOWLEDGED):
        sent(path, entry_id, 15.0 * entry_id)
    assert path.waits_for == ("acknowledgement", MAX_UNACKNOWLEDGED)


def test_starting_over_makes_everything_void_and_asks_for_the_oldest_entry() -> None:
    path = known(NetworkState())
    before = sent(path, 3, 0).generation
    path.start_over()
    assert path.state is None
    assert (path.entry_id, path.waits_for) == (0, None)
    assert path.generation > before


def test_an_answer_to_a_question_of_an_earlier_generation_is_not_expected() -> None:
    path = DurablePath(generation=7)
    asked = path.begin_recovery()
    path.start_over()
    assert not path.expects(asked)
    assert not path.is_waiting


def test_an_entry_that_is_stored_already_is_acknowledged_and_passed() -> None:
    path = DurablePath(generation=7)
    path.begin_recovery()
    state = comparison(NetworkState(), 0).state
    assert path.recovered(Recovered(state, stored=True), journaled(5))
    assert path.entry_id == 5
    assert path.continues(state, 6)


def test_an_entry_that_is_not_stored_is_next() -> None:
    path = DurablePath(generation=7)
    path.begin_recovery()
    assert not path.recovered(Recovered(NetworkState(), stored=False), journaled(5))
    assert path.entry_id == 0  # so the journal is asked for the oldest, which is that one


def test_two_questions_are_two_waits_and_starting_over_ends_each() -> None:
    path = DurablePath(generation=7)
    path.begin_recovery()
    first = path.waits_for
    assert first is not None
    path.recovered(None, None)
    assert path.waits_for is None
    path.begin_recovery()
    assert path.waits_for not in (None, first)
    path.start_over()
    assert path.waits_for is None
