"""Settings of the event bus, changed while the tree runs."""

from __future__ import annotations

from pathlib import Path

from tests.actors.harness import PATIENCE_S, until
from tests.actors.reloading import Reloading, reloading
from tests.reload.effects import takes_effect
from vatwatch.events.event import EventFilter
from vatwatch.messages import EvictHistory, GetEvents
from vatwatch.messages.status import EventBusStatus, HandlerStatus
from vatwatch.supervision import Fault, FaultKind

MANY = {"SERVICE_HEALTH_CHECK_INTERVAL": 0.05}
"""Many events: each check of the health is one, and the alerter hears of it."""


def bus(one: Reloading) -> EventBusStatus:
    return one.running.status("event_bus", EventBusStatus)


def handler(one: Reloading) -> HandlerStatus:
    return bus(one).handlers["alerter"]


def remembered(one: Reloading) -> int:
    address = one.running.tree.directory.address("event_bus")
    return len(address.ask(GetEvents(EventFilter(), 10_000), timeout_s=PATIENCE_S))


def keep_the_alerter_slow(one: Reloading, seconds: float) -> None:
    slow = Fault(FaultKind.SLOW, "alerter", 10_000, seconds=seconds, message_type="Delivered")
    one.running.tree.faults.inject(slow)


@takes_effect("EVENT_BUS_MAX_HISTORY_SIZE")
def test_as_many_events_are_remembered_as_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, EVENT_BUS_MAX_HISTORY_SIZE=1000, **MANY) as (one, _feeds):
        until(lambda: remembered(one) > 12, "a dozen events")
        one.take_over(EVENT_BUS_MAX_HISTORY_SIZE=10)
        assert remembered(one) <= 10
        one.take_over(EVENT_BUS_MAX_HISTORY_SIZE=100)
        until(lambda: remembered(one) > 12, "more again")


def test_a_history_that_is_shortened_for_want_of_memory_stays_short_at_a_reload(
    tmp_path: Path,
) -> None:
    with reloading(tmp_path, EVENT_BUS_MAX_HISTORY_SIZE=1000, **MANY) as (one, _feeds):
        until(lambda: remembered(one) > 12, "a dozen events")
        one.running.tree.directory.address("event_bus").tell(EvictHistory(10))
        one.take_over(CACHE_TTL_DEFAULT=123)
        published = bus(one).published
        until(lambda: bus(one).published > published + 10, "ten more")
        assert remembered(one) <= 10
        one.running.tree.directory.address("event_bus").tell(EvictHistory(None))
        until(lambda: remembered(one) > 12, "more again")


@takes_effect("EVENT_BUS_HANDLER_TIMEOUT", "EVENT_BUS_MAX_DEAD_LETTER_SIZE")
def test_a_handler_is_waited_for_and_its_letters_are_kept_as_is_set_now(tmp_path: Path) -> None:
    given = {"EVENT_BUS_RETRY_ATTEMPTS": 0, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 100_000}
    with reloading(tmp_path, EVENT_BUS_HANDLER_TIMEOUT=60, **given, **MANY) as (one, _feeds):
        keep_the_alerter_slow(one, 0.2)
        until(lambda: handler(one).metrics.handled > 2, "it is waited for")
        assert handler(one).metrics.dead == 0
        one.take_over(EVENT_BUS_HANDLER_TIMEOUT=0.01)
        until(lambda: bus(one).dead_letters > 4, "they are dead letters")
        one.take_over(EVENT_BUS_MAX_DEAD_LETTER_SIZE=2)
        until(lambda: bus(one).dead_letters <= 2, "two are kept")


@takes_effect("EVENT_BUS_RETRY_ATTEMPTS")
def test_an_event_is_tried_again_as_often_as_is_set_now(tmp_path: Path) -> None:
    given = {"EVENT_BUS_HANDLER_TIMEOUT": 0.01, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": 100_000}
    with reloading(tmp_path, EVENT_BUS_RETRY_ATTEMPTS=0, **given, **MANY) as (one, _feeds):
        keep_the_alerter_slow(one, 0.2)
        until(lambda: handler(one).metrics.dead > 2, "each is tried once")
        assert handler(one).metrics.retried == 0
        one.take_over(EVENT_BUS_RETRY_ATTEMPTS=5)
        until(lambda: handler(one).metrics.retried > 0, "one is tried again")


@takes_effect("EVENT_BUS_HANDLER_QUEUE_SIZE")
def test_as_many_events_wait_for_a_handler_as_is_set_now(tmp_path: Path) -> None:
    with reloading(tmp_path, EVENT_BUS_HANDLER_QUEUE_SIZE=10_000, **MANY) as (one, _feeds):
        one.running.tree.faults.inject(Fault(FaultKind.HANG, "alerter", message_type="Delivered"))
        until(lambda: handler(one).depth > 10, "ten wait")
        one.take_over(EVENT_BUS_HANDLER_QUEUE_SIZE=2)
        until(lambda: handler(one).depth <= 2, "two wait")
        assert handler(one).metrics.dead >= 8


@takes_effect("EVENT_BUS_BACKLOG_SIZE")
def test_as_many_events_wait_for_the_database_as_is_set_now(tmp_path: Path) -> None:
    """The database is away."""
    with reloading(tmp_path, EVENT_BUS_BACKLOG_SIZE=50_000, **MANY) as (one, _feeds):
        until(lambda: bus(one).unstored > 20, "twenty wait")
        assert bus(one).given_up == 0
        one.take_over(EVENT_BUS_BACKLOG_SIZE=5)
        until(lambda: bus(one).unstored <= 10, "five wait, and five letters")
        assert bus(one).given_up >= 10
