"""The table of dependencies is that of the tree and of what its services ask each other."""

from __future__ import annotations

from scripts.messages_drawn import messages, ways
from tests.actors.node_house import TREES
from vatwatch.messages import Delivered
from vatwatch.monitoring.dependencies import DEPENDENCIES, OUTSIDE, dependents_of
from vatwatch.supervision import Ask, ChildSpec, SupervisorSpec

NOT_NEEDED = {
    # For a line of the log, which it writes without the answer as well.
    ("store", "health_monitor"),
    # When Redis has lost events; without the bus there are none to write, and it goes on.
    ("cache", "event_bus"),
}


def services(spec: SupervisorSpec | ChildSpec) -> list[str]:
    if isinstance(spec, ChildSpec):
        return [spec.name]
    return [name for child in spec.children for name in services(child)]


ALL = {name for tree in TREES for name in services(tree)}


def test_every_service_has_its_line_and_needs_nothing_that_there_is_not() -> None:
    assert DEPENDENCIES.keys() == ALL
    for tree in TREES:
        there = services(tree)
        assert [name for name in DEPENDENCIES if name in there] == there
    for name, needed in DEPENDENCIES.items():
        assert set(needed) <= {*ALL, *OUTSIDE} - {name}


def test_whom_a_service_asks_it_depends_on() -> None:
    asked = {
        (way.sender, way.receiver)
        for message in messages().values()
        for way in ways(message)
        if issubclass(message, Ask)
        and {way.sender, way.receiver} <= set(ALL)
        # The event bus asks whether an event was handled, and does not need whoever listens.
        and message is not Delivered
    }
    assert ("fetcher", "journal") in asked
    missing = {
        (sender, receiver)
        for sender, receiver in asked - NOT_NEEDED
        if receiver not in DEPENDENCIES[sender]
    }
    assert missing == set()


def test_the_dependents_of_a_part_are_found_too() -> None:
    assert dependents_of("feed") == ("fetcher",)
    assert {"store", "history", "leadership"} <= {*dependents_of("postgresql")}
    for name in (*ALL, *OUTSIDE):
        assert all(name in DEPENDENCIES[one] for one in dependents_of(name))
