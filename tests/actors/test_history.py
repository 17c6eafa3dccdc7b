"""The history: questions from outside never take all connections, and those of clients that have
gone take no time."""

from __future__ import annotations

from typing import Any

import gevent
import psycopg2

from vatwatch.actors.history import HistoryActor
from vatwatch.errors import VatwatchError
from vatwatch.events.event import EventFilter
from vatwatch.messages import FindEvents, InspectDatabase
from vatwatch.messages.status import DatabaseReport
from vatwatch.supervision import AskFailed
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY

from .bus_house import House, bus_house
from .harness import PATIENCE_S, until

QUESTION = FindEvents(EventFilter(), 10, None)


def asked(house: House, timeout_s: float) -> str:
    """What came of a question from outside."""
    history = house.tree.directory.address("history")
    try:
        history.ask(QUESTION, timeout_s=timeout_s, public=True)
    except VatwatchError as error:
        return type(error).__name__
    return "answered"


def history_of(house: House) -> HistoryActor:
    slot = house.tree.directory.find("history")
    assert slot is not None
    assert slot.incarnation is not None
    assert isinstance(slot.incarnation.actor, HistoryActor)
    return slot.incarnation.actor


def waiting(house: House) -> int:
    """In front of the history, and not with it yet."""
    node = house.tree.node("history")
    assert node is not None
    assert node.mailbox is not None
    return node.mailbox.public_depth


def test_a_crowd_that_waits_for_a_slow_table_costs_the_tree_nothing(database_url: str) -> None:
    with bus_house(database=database_url) as house:
        until(lambda: asked(house, PATIENCE_S) == "answered")
        lock: Any = psycopg2.connect(database_url)
        try:
            lock.cursor().execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
            crowd = [gevent.spawn(asked, house, PATIENCE_S) for _ in range(PUBLIC_CAPACITY)]
            gevent.idle()
            until(lambda: waiting(house) == 0, "all are with the history")
            # One of them is with the database, which is all that they may be; the others wait.
            assert asked(house, PATIENCE_S) == "TooManyQuestions"
            found = house.ask("history", InspectDatabase())
            assert isinstance(found, DatabaseReport)
            assert found.error == ""
            assert found.pool is not None
            assert found.pool.waiting == 0
            gevent.killall(crowd[10:])
        finally:
            lock.close()
        assert not [n for n in house.notices if isinstance(n, AskFailed) and "Too" in n.error_type]
        # A question whose client has gone is dropped, and leaves room.
        gevent.joinall(crowd[:10], timeout=PATIENCE_S)
        until(lambda: asked(house, PATIENCE_S) == "answered")
        assert history_of(house)._queries < PUBLIC_CAPACITY / 2
