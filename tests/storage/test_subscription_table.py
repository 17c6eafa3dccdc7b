"""Subscriptions in the database: read as they were written, and each message once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from tests.storage.test_writer import rows
from tests.traffic.build import at
from vatwatch.storage.retention import RowRetention
from vatwatch.storage.subscription_table import (
    add_message,
    delete_subscription,
    find_deliveries,
    finish_delivery,
    read_subscriptions,
    read_waiting,
    write_judgement,
    write_subscription,
)
from vatwatch.subscriptions.occasions import (
    CountSeen,
    Occasion,
    SeenSubject,
    SubscriptionState,
)
from vatwatch.subscriptions.records import (
    KnownSubscription,
    MessageToUser,
    StreamTarget,
    UserSubscription,
)
from vatwatch.subscriptions.watches import Counted, CountWatch, PositionWatch, UserWatch

if TYPE_CHECKING:
    from psycopg2.extensions import connection


def subscription(watch: UserWatch | None = None) -> UserSubscription:
    return UserSubscription(
        id=uuid4(),
        owner="vw_12345678",
        name="Zürich ✈",
        watch=watch or PositionWatch("EDDF_*"),
        target=StreamTarget(),
        enabled=True,
        tell_present=False,
        until=at(3600),
        created_at=at(0),
        changed_at=at(0),
    )


def message(of: UserSubscription, number: int = 1) -> MessageToUser:
    occasion = Occasion(
        UUID(int=number),
        UUID(int=99),
        "began",
        "atc",
        "EDDF_TWR",
        "1",
        at(15),
        "It is.",
        {"cid": 1},
    )
    return MessageToUser(of.id, occasion)


STATE = SubscriptionState(
    at(15),
    {"atc EDDF_TWR 1": SeenSubject("1", "EDDF_TWR", "atc", 2, told=True, missing_since=at(1))},
    CountSeen(above=1, since=at(3)),
)


@pytest.fixture
def known(conn: connection) -> UserSubscription:
    one = subscription()
    write_subscription(conn, KnownSubscription(one, SubscriptionState()))
    return one


def test_a_subscription_is_read_as_it_was_written(conn: connection) -> None:
    counted = subscription(CountWatch(Counted.ARRIVING, 10, airport="EDDF"))
    first = KnownSubscription(subscription(), STATE)
    second = KnownSubscription(replace(counted, created_at=at(1)), SubscriptionState())
    for one in (first, second):
        write_subscription(conn, one)
    assert read_subscriptions(conn).known == (first, second)
    changed = KnownSubscription(replace(first.subscription, enabled=False), SubscriptionState())
    write_subscription(conn, changed)
    assert read_subscriptions(conn).known == (changed, second)


def test_states_messages_and_the_time_are_written_together_and_a_message_once(
    conn: connection, known: UserSubscription
) -> None:
    assert read_subscriptions(conn).judged_at is None
    write_judgement(conn, at(15), {known.id: STATE}, [message(known)], at(16))
    finish_delivery(conn, UUID(int=1), "delivered", attempts=1, receipt="77", now=at(17))
    # Once more, as after a commit of which nobody heard, and with an older snapshot.
    write_judgement(conn, at(0), {known.id: STATE}, [message(known)], at(18))
    found = read_subscriptions(conn)
    assert found.judged_at == at(15)
    assert found.known[0].state == STATE
    (delivery,) = find_deliveries(conn, known.id, 10)
    assert (delivery.state, delivery.attempts, delivery.receipt) == ("delivered", 1, "77")
    assert delivery.occasion == message(known).occasion
    assert read_waiting(conn, 10) == ()


def test_messages_that_wait_are_read_in_their_order(
    conn: connection, known: UserSubscription
) -> None:
    for number, seconds in ((1, 30), (2, 20), (3, 10)):
        add_message(conn, message(known, number), at(seconds))
    finish_delivery(conn, UUID(int=2), "undelivered", attempts=3, error="away", now=at(40))
    assert [each.id.int for each in read_waiting(conn, 10)] == [3, 1]
    assert [each.id.int for each in find_deliveries(conn, known.id, 2)] == [1, 2]


def test_with_a_subscription_its_messages_go_and_none_is_written_any_more(
    conn: connection, known: UserSubscription
) -> None:
    write_judgement(conn, at(15), {known.id: STATE}, [message(known)], at(16))
    delete_subscription(conn, known.id)
    write_judgement(conn, at(30), {known.id: STATE}, [message(known, 2)], at(31))
    assert rows(conn, "SELECT count(*) FROM subscription_deliveries") == [(0,)]
    assert read_subscriptions(conn).known == ()


def test_messages_that_are_done_are_deleted_when_they_are_old_and_others_stay(
    conn: connection, known: UserSubscription
) -> None:
    for number in (1, 2):
        add_message(conn, message(known, number), at(0))
    finish_delivery(conn, UUID(int=1), "delivered", attempts=1, now=at(1))
    purge = RowRetention("subscription_deliveries", "done_at", at(2) - at(0))
    assert purge.purge(conn) == 1
    assert [each.id.int for each in find_deliveries(conn, known.id, 9)] == [2]
