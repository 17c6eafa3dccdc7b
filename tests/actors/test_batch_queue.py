"""Which batches wait for the database, and which are void."""

from __future__ import annotations

import pytest

from tests.actors.paths import comparison, journaled
from vatwatch.actors.batch_queue import BatchQueue
from vatwatch.actors.durable_path import DurablePath
from vatwatch.messages import Recovered, StoreBatch
from vatwatch.traffic.network_state import NetworkState


def batch(entry_id: int, *, generation: int) -> StoreBatch:
    path = DurablePath(generation)
    path.recovered(Recovered(NetworkState(), stored=False), None)
    return path.send(journaled(entry_id), comparison(NetworkState(), 15.0 * entry_id))


def test_batches_are_written_in_the_order_in_which_they_came() -> None:
    queue = BatchQueue()
    given = [batch(entry_id, generation=1) for entry_id in (1, 2, 3)]
    assert all(queue.add(one) for one in given)
    written = []
    while queue:
        written.append(queue.first())
        queue.remove_first()
    assert written == given
    with pytest.raises(IndexError):
        queue.first()


def test_a_batch_that_is_not_written_makes_all_of_its_generation_void_and_no_later_one() -> None:
    queue = BatchQueue()
    for entry_id in (1, 2):
        queue.add(batch(entry_id, generation=1))
    queue.void(1)
    assert not queue
    late, again = batch(3, generation=1), batch(1, generation=2)
    assert not queue.add(late)
    assert queue.add(again)
    assert queue.first() is again


def test_what_is_void_stays_void() -> None:
    queue = BatchQueue()
    queue.void(5)
    queue.void(3)
    assert not queue.add(batch(1, generation=5))
    assert queue.add(batch(1, generation=6))
