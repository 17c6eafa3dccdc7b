"""The event bus and its subscribers: order, patience, failures, crashes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import gevent.event
import pytest

from tests.actors.bus_house import (
    NOON,
    Event,
    House,
    Lost,
    Subscription,
    bus_house,
    error_about,
    event,
    nothing,
    number,
    numbers,
)
from tests.actors.harness import PATIENCE_S, Poison, until
from vatwatch.actors.service import Service
from vatwatch.errors import DatabaseUnavailable, EventRefused, VatwatchError
from vatwatch.events.event import EventFilter
from vatwatch.events.payloads import FlightPayload, PositionPayload
from vatwatch.messages import (
    AcceptEvent,
    DiscardDeadLetter,
    GetDeadLetter,
    GetEvents,
    RedeliverDeadLetter,
)
from vatwatch.supervision import (
    AskFailed,
    FailureHandled,
    Fault,
    FaultKind,
    Tree,
    supervisor,
    worker,
)


class Gate:
    """A handler that waits until it is opened."""

    def __init__(self) -> None:
        self.open, self.reached = gevent.event.Event(), gevent.event.Event()

    def __call__(self, _event: Event) -> None:
        self.reached.set()
        self.open.wait()


def failing(*fails: int) -> Callable[[Event], None]:
    """A handler that cannot handle the events of these numbers; without any, none at all."""

    def handle(one: Event) -> None:
        if not fails or (isinstance(one.payload, PositionPayload) and number(one) in fails):
            raise ValueError(f"cannot handle {one.type}")

    return handle


def test_events_are_handled_in_their_order() -> None:
    with bus_house({"a": nothing, "b": nothing}) as house:
        for start in range(0, 300, 30):
            house.publish(*(event(n) for n in range(start, start + 30)))
        until(lambda: len(house.heard["a"]) == len(house.heard["b"]) == 300)
        assert numbers(house.heard["a"]) == numbers(house.heard["b"]) == [*range(300)]


def test_a_slow_handler_delays_neither_another_nor_the_bus() -> None:
    slow = Gate()
    with bus_house({"slow": slow, "fast": nothing}) as house:
        house.publish(*(event(n) for n in range(100)))
        slow.reached.wait()
        until(lambda: len(house.heard["fast"]) == 100)
        status = house.handler("slow")
        assert (status.depth, status.in_hand) == (99, "POSITION_UPDATE")
        assert house.heard["slow"] == []
        slow.open.set()
        until(lambda: numbers(house.heard["slow"]) == [*range(100)])


def test_an_event_that_a_handler_cannot_handle_is_retried_and_then_a_dead_letter() -> None:
    with bus_house({"bad": failing(3), "good": nothing}, retries=2) as house:
        given = [event(n) for n in range(6)]
        house.publish(*given)
        until(lambda: numbers(house.heard["bad"]) == [0, 1, 2, 4, 5])
        (letter,) = house.letters()
        assert (letter.kind, letter.receiver, letter.type) == ("event", "bad", "POSITION_UPDATE")
        assert (letter.reason, letter.attempts) == ("failed", 3)
        assert letter.error == "ValueError: cannot handle POSITION_UPDATE"
        assert letter.event is not None
        assert letter.event.event() == given[3]
        assert numbers(house.heard["good"]) == [*range(6)]
        metrics = house.handler("bad").metrics
        assert (metrics.handled, metrics.failed, metrics.retried, metrics.dead) == (5, 3, 2, 1)
        assert house.status().types["POSITION_UPDATE"].handled == 11
        assert metrics.max_s is not None


def test_a_failure_that_passes_is_over_with_a_retry() -> None:
    failures = [ValueError("once"), ValueError("twice")]

    def fails_twice(_event: Event) -> None:
        if failures:
            raise failures.pop()

    with bus_house({"a": fails_twice}) as house:
        house.publish(event())
        until(lambda: house.heard["a"])
        assert house.letters() == ()
        (handled,) = [n for n in house.notices if isinstance(n, FailureHandled)]
        assert (handled.recovered, handled.tried) == (True, ("retry",))


def test_a_handler_that_fails_again_and_again_is_left_alone_by_its_breaker() -> None:
    with bus_house({"bad": failing(), "good": nothing}, failures=4, retries=1) as house:
        house.publish(*(event(n) for n in range(50)))
        until(lambda: len(house.letters()) == 50 and len(house.heard["good"]) == 50)
        assert house.handler("bad").breaker == "open"
        assert house.handler("bad").metrics.failed == 4
        assert [x.reason for x in house.letters()].count("breaker open") == 48
        # The two whose attempts failed, and not each that was not tried.
        assert len([n for n in house.notices if isinstance(n, FailureHandled)]) == 2
        (breaker,) = [b for b in house.tree.breakers() if b.kind == "handler" and b.opened]
        assert breaker.name == "event handler bad"


def test_a_handler_whose_breaker_is_open_is_tried_again_in_time() -> None:
    broken = [True]

    def handle(_event: Event) -> None:
        if broken:
            raise ValueError("broken")

    with bus_house({"a": handle}, failures=1, retries=0, breaker_s=0.05) as house:
        house.publish(event())
        until(lambda: house.letters())
        broken.clear()

        def handled() -> bool:
            house.publish(event(1))
            return bool(house.heard["a"])

        until(handled)
        assert house.handler("a").breaker == "closed"


def test_a_handler_that_does_not_come_back_in_time_has_failed() -> None:
    slow = Gate()
    with bus_house({"slow": slow, "fast": nothing}, timeout_s=0.05, retries=0) as house:
        house.publish(event())
        until(lambda: house.letters())
        (letter,) = house.letters()
        assert (letter.reason, letter.receiver, letter.attempts) == ("timeout", "slow", 1)
        slow.open.set()


def test_a_lane_that_is_full_gives_up_the_oldest_that_waits() -> None:
    slow = Gate()
    with bus_house({"slow": slow}, queue_size=10) as house:
        house.publish(event(0))
        slow.reached.wait()
        house.publish(*(event(n) for n in range(1, 16)))
        until(lambda: len(house.letters()) == 5)
        assert {x.reason for x in house.letters()} == {"overflow"}
        slow.open.set()
        until(lambda: numbers(house.heard["slow"]) == [0, *range(6, 16)])


def test_a_subscriber_gets_its_types_and_its_source_only() -> None:
    wanted = [Subscription("a", frozenset({"POSITION_UPDATE"}), "here"), Subscription("b")]
    with bus_house({"a": nothing, "b": nothing}, subscriptions=wanted) as house:
        house.publish(error_about("x/y"), event(1, source="here"), event(2, source="there"))
        until(lambda: len(house.heard["b"]) == 3)
        until(lambda: numbers(house.heard["a"]) == [1])


def test_an_event_that_is_published_twice_is_delivered_once() -> None:
    with bus_house({"a": nothing}) as house:
        one = event(1)
        house.publish(one, one)
        house.publish(one, event(2))
        until(lambda: numbers(house.heard["a"]) == [1, 2])
        assert house.status().repeated == 2
        assert house.status().by_type == {"POSITION_UPDATE": 2}
        assert house.status().by_source == {"test": 2}


def test_a_handler_does_not_get_events_about_its_own_errors_without_end() -> None:
    with bus_house({"bad": failing(), "good": nothing}, failures=1000, retries=0) as house:
        house.publish(error_about("house/bad"), error_about("house/other"))
        until(lambda: len(house.heard["good"]) == 2 and len(house.letters()) == 1)
        # The subscriber's own failure is told by the runtime; that of the delivery is not told,
        # for it would be the next event, and so on.
        assert not [n for n in house.notices if isinstance(n, FailureHandled)]
        assert len([n for n in house.notices if isinstance(n, AskFailed)]) == 1


def test_a_bus_that_crashes_in_the_middle_loses_no_delivery() -> None:
    slow = Gate()
    with bus_house({"slow": slow, "fast": nothing}) as house:
        house.publish(*(event(n) for n in range(50)))
        slow.reached.wait()
        house.tell("event_bus", Poison())
        house.publish(*(event(n) for n in range(50, 60)))
        house.until_restarted("event_bus")
        slow.open.set()
        until(lambda: len(house.heard["slow"]) >= 60)
        until(lambda: house.handler("slow").depth == 0 and not house.handler("slow").in_hand)
        # What was in hand may have come twice; nothing else did, and nothing is missing.
        assert numbers(house.heard["slow"]) in ([*range(60)], [0, *range(60)])
        until(lambda: len(house.heard["fast"]) >= 60)
        assert sorted(set(numbers(house.heard["fast"]))) == [*range(60)]
        # The only letter is the poison, which no handler can handle.
        assert [x.type for x in house.letters()] == ["Poison"]
        assert len(house.ask("event_bus", GetEvents(EventFilter(), 1000))) == 60


def test_a_publication_on_which_the_bus_crashes_is_taken_up_again() -> None:
    with bus_house({"a": nothing}) as house:
        house.tree.faults.inject(Fault(FaultKind.CRASH, "event_bus", message_type="Publish"))
        house.publish(*(event(n) for n in range(5)))
        until(lambda: numbers(house.heard["a"]) == [*range(5)])
        assert house.restarts("event_bus") == 1


def test_a_publication_that_is_dropped_on_its_way_reaches_the_bus_after_all() -> None:
    with bus_house({"a": nothing}) as house:
        house.tree.faults.inject(Fault(FaultKind.DROP, "event_bus", message_type="Publish"))
        house.publish(*(event(n) for n in range(5)))
        until(lambda: numbers(house.heard["a"]) == [*range(5)])
        assert house.status().dead_messages == 1


def test_a_subscriber_that_crashes_over_an_event_gets_it_again() -> None:
    with bus_house({"a": nothing}) as house:
        house.tree.faults.inject(Fault(FaultKind.CRASH, "a", message_type="Delivered", skip=2))
        house.publish(*(event(n) for n in range(5)))
        until(lambda: numbers(house.heard["a"]) == [*range(5)])
        assert house.restarts("a") == 1
        assert [x for x in house.letters() if x.kind == "event"] == []


def test_a_restart_that_is_ordered_costs_no_delivery() -> None:
    slow = Gate()
    with bus_house({"slow": slow}) as house:
        house.publish(*(event(n) for n in range(20)))
        slow.reached.wait()
        house.tree.restart("house/event_bus")
        house.until_restarted("event_bus")
        slow.open.set()
        until(lambda: sorted(set(numbers(house.heard["slow"]))) == [*range(20)])


def test_a_dead_letter_that_is_delivered_after_all_is_gone() -> None:
    broken = [True]

    def handle(_event: Event) -> None:
        if broken:
            raise ValueError("broken")

    with bus_house({"a": handle}, retries=1) as house:
        house.publish(event(4))
        until(lambda: house.letters())
        (letter,) = house.letters()
        house.ask("event_bus", RedeliverDeadLetter(letter))
        until(lambda: house.letters() and house.letters()[0].attempts == 4)
        broken.clear()
        house.ask("event_bus", RedeliverDeadLetter(house.letters()[0]))
        until(lambda: house.letters() == ())
        assert numbers(house.heard["a"]) == [4]


def test_a_message_that_died_is_a_letter_and_can_be_sent_again_while_it_is_in_memory() -> None:
    with bus_house({"a": nothing}, max_dead_letters=1) as house:
        house.tell("nobody", Lost("x", frozenset({"FLIGHT_CREATED"})))
        until(lambda: house.letters())
        (letter,) = house.letters()
        assert (letter.kind, letter.receiver, letter.reason) == ("message", "nobody", "unknown")
        assert letter.message.startswith("Lost(about='x', kinds=<frozenset>")
        assert house.ask("event_bus", RedeliverDeadLetter(letter)).value == "queued"
        until(lambda: [x.id for x in house.letters()] not in ([], [letter.id]))
        (again,) = house.letters()
        house.tell("nobody", Lost("y"))
        until(lambda: [x.id for x in house.letters()] != [again.id])
        assert house.ask("event_bus", RedeliverDeadLetter(again)).value == "message gone"


def test_the_client_that_discards_a_letter_learns_that_it_was_not_deleted() -> None:
    nowhere = "host='/nowhere' user=nobody dbname=nothing"
    with bus_house(database=nowhere, backlog_size=2) as house:
        house.tell("nobody", Lost("x"))
        until(lambda: house.letters())
        (letter,) = house.letters()
        discarding = gevent.spawn(_error_of, house, DiscardDeadLetter(letter.id))
        until(lambda: house.memory.unwritten.get(letter.id, letter) is None)
        for name in ("y", "z"):
            house.tell("nobody", Lost(name))
        assert isinstance(discarding.get(timeout=PATIENCE_S), DatabaseUnavailable)


def _error_of(house: House, message: DiscardDeadLetter) -> Exception | None:
    try:
        house.ask("event_bus", message)
    except VatwatchError as error:
        return error
    return None


def test_a_message_that_died_may_be_none_of_ours() -> None:
    with bus_house({"a": nothing}) as house:
        house.tell("nobody", "hello")
        until(lambda: house.letters())
        (letter,) = house.letters()
        assert (letter.type, letter.message) == ("str", "str")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Event(event().id, "FLIGHT_CRATED", NOON, "t", "", PositionPayload(1, 0)), "type"),
        (Event(event().id, "FLIGHT_CREATED", NOON, "t", "", PositionPayload(1, 0)), "payload"),
        (
            Event(event().id, "POSITION_UPDATE", NOON, "t", "", PositionPayload("1", 0)),  # type: ignore[arg-type]
            "$.flights",
        ),
        (
            Event(
                event().id, "FLIGHT_CREATED", NOON, "t", "",
                FlightPayload("1", 2, "X", datetime(2026, 1, 1)),
            ),
            "$.logon_time",
        ),
    ],
)  # fmt: skip
def test_an_event_that_does_not_fit_its_schema_is_refused_and_the_field_is_named(
    wrong: Event, why: str
) -> None:
    with bus_house({"a": nothing}) as house:
        house.publish(wrong, event(1))
        until(lambda: numbers(house.heard["a"]) == [1])
        assert house.status().refused == 1
        until(lambda: [n for n in house.notices if isinstance(n, FailureHandled)])
        (told,) = [n for n in house.notices if isinstance(n, FailureHandled)]
        assert told.error_type == "EventRefused"
        assert why in told.error_text
        with pytest.raises(EventRefused):
            house.ask("event_bus", AcceptEvent(wrong))


class Careless(Service):
    """Publishes what the test says, as the services do."""

    def on_receive(self, message: GetDeadLetter) -> Any:
        self.publish("POSITION_UPDATE", PositionPayload("many", 0))  # type: ignore[arg-type]


def test_a_service_that_publishes_an_invalid_event_gets_the_error_itself() -> None:
    tree = Tree(supervisor("root", children=[worker("careless", Careless)]))
    tree.start()
    try:
        with pytest.raises(EventRefused, match=r"POSITION_UPDATE.*\$\.flights"):
            tree.directory.address("careless").ask(GetDeadLetter(uuid4()), timeout_s=PATIENCE_S)
    finally:
        tree.stop(PATIENCE_S)


def test_the_ring_is_read_page_by_page() -> None:
    with bus_house() as house:
        house.publish(*(event(n) for n in range(25)))
        until(lambda: house.status().published == 25)
        seen: list[int] = []
        after = None
        while page := house.ask("event_bus", GetEvents(EventFilter(), 10, after)):
            seen += numbers(page)
            after = page[-1].cursor
        assert seen == [*range(24, -1, -1)]
        since = EventFilter(since=event(5).time, until=event(8).time.astimezone(UTC))
        assert numbers(house.ask("event_bus", GetEvents(since, 10))) == [7, 6, 5]
