"""What an actor hands to its successor cannot make it fail for ever: the second restart cures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.actors.bus_house import bus_house, event
from tests.actors.harness import Poison, Running, running, until
from tests.actors.hook_server import HookServer
from tests.actors.test_alerter import FAST
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import FeedServer
from vatwatch.config.settings import Settings, load
from vatwatch.messages.status import EventBusStatus
from vatwatch.supervision import ChildSpec, Fault, FaultKind, HandOverDiscarded, State, Tree
from vatwatch.supervision.spec import AnySpec
from vatwatch.system import declare


def spoil(tree: Tree, name: str, field: str) -> None:
    """One field of what the actor will hand over is not what it should be."""
    place: Any = tree.directory.find(name)
    actor = place.incarnation.actor
    state = actor._records if name == "health_monitor" else actor._memory
    assert getattr(state, field) is not None
    setattr(state, field, None)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("event_bus", "queues"),  # at the start
        ("event_bus", "by_type"),  # at the next event
        ("alerter", "outboxes"),  # at the start
        ("alerter", "alerts"),  # at the next look
        ("health_monitor", "registry"),  # at the start
        ("health_monitor", "outside"),  # when the store reports
    ],
)
def test_second_restart_cures_a_service_whose_state_is_spoilt(
    name: str, field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with (
        FeedServer() as feeds,
        HookServer() as hook,
        running(
            tmp_path, NOWHERE, feeds=feeds, **{**FAST, "VATWATCH_ALERT_WEBHOOKS": hook.url}
        ) as service,
    ):
        service.until_served(service.next_update())
        until(lambda: told_all(service) and of_database(hook), "what fires is told")
        hook.taken.clear()
        service.tree.faults.inject(Fault(FaultKind.CRASH, name))  # before it finds out by itself
        spoil(service.tree, name, field)

        def it_began_afresh() -> bool:
            service.next_update()
            return service.node(name).hand_overs_discarded > 0

        until(it_began_afresh, f"{name} begins without")
        until(lambda: service.node(name).state is State.RUNNING, f"{name} runs")
        until(lambda: it_works(service, name, hook), f"{name} works")
        # A third one if its own report found out before the injected fault.
        assert service.node(name).failures in (2, 3)
        assert service.node(name).hand_overs_discarded == 1
        path = service.node(name).path
        assert [n for n in service.notices if isinstance(n, HandOverDiscarded)] == [
            HandOverDiscarded(path)
        ]
        wanted = f"{path} failed again and starts with an empty memory"
        until(lambda: any(wanted in line for line in caplog.messages), "the log says so")


# The alert that lasts. Others come and go while the service starts.
DATABASE = "unhealthy:postgresql"


def of_database(hook: HookServer) -> list[str]:
    return [told["event"] for told in hook.taken if told["key"] == DATABASE]


def told_all(service: Running) -> bool:
    """Wait until no notification is being sent, so that none is cut off."""
    webhooks = service.http.simulate_get("/api/alerts").json["webhooks"]
    return bool(webhooks) and all(webhook["waiting"] == 0 for webhook in webhooks)


def it_works(service: Running, name: str, hook: HookServer) -> bool:
    """It does its work, and a health monitor has the reports of all others."""
    match name:
        case "event_bus":
            before = service.status("event_bus", EventBusStatus).published
            service.until_served(service.next_update())
            return service.status("event_bus", EventBusStatus).published > before
        case "alerter":
            # There is still no database. The file says that this was sent, so it is not sent again.
            found = service.http.simulate_get("/api/alerts").json
            firing = {alert["key"] for alert in found["alerts"] if alert["state"] == "firing"}
            assert of_database(hook) == []
            return DATABASE in firing & {each["key"] for each in found["active"]}
        case _:
            everybody = {node.name for node in service.tree.snapshot().walk() if not node.children}
            return service.reports().services.keys() >= everybody - {"health_monitor"}


def test_what_is_on_its_way_to_the_table_is_in_the_file_when_the_memory_is_thrown_away(
    tmp_path: Path,
) -> None:
    nowhere = "host='/nowhere' user=nobody dbname=nothing"
    with bus_house(database=nowhere, home=tmp_path) as house:
        house.publish(one := event(1))
        until(lambda: one.id in house.memory.unstored, "it waits for the table")
        spoil(house.tree, "event_bus", "queues")
        house.tell("event_bus", Poison())
        house.until_restarted("event_bus", 2)
        until(lambda: one.id in house.memory.unstored, "it waits again")
        house.publish(one)
        house.publish(two := event(2))
        until(lambda: two.id in house.memory.unstored, "the bus works")
        assert house.status().repeated == 1, "it is known, and not published twice"


def test_nothing_in_the_tree_s_declaration_can_be_changed_by_an_actor() -> None:
    """What all incarnations share could carry what makes them fail. A value is hashed by what is in
    it, so what has a hash of its own does not change."""
    for worker in workers(declare(load(env={}, directory=Path("/nowhere")))):
        for name, value in (*enumerate(worker.args), *worker.kwargs.items()):
            shared = value.values() if isinstance(value, MappingProxyType) else [value]
            for one in shared:
                what = f"{worker.name}, argument {name}: {type(one).__name__}"
                if isinstance(one, Settings):
                    continue  # its dicts say where the values come from, and no actor writes there
                is_value = type(one).__hash__ is not object.__hash__
                assert is_value or one is None or callable(one), what
                hash(one)


def workers(spec: AnySpec) -> Iterator[ChildSpec]:
    if isinstance(spec, ChildSpec):
        yield spec
    else:
        for child in spec.children:
            yield from workers(child)
