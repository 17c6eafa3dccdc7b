"""Who receives what: the types, the handlers and the docstrings say the same."""

from __future__ import annotations

import ast
import inspect
import re
from types import ModuleType

import pytest

from scripts import messages_drawn
from vatwatch import messages
from vatwatch.actors.config_watcher import READERS
from vatwatch.supervision import BestEffort, Tell

ACTORS = messages_drawn.actors()
MESSAGES = messages_drawn.messages()
RECEIVERS = messages_drawn.receivers()


@pytest.fixture(scope="module")
def senders() -> dict[str, set[str]]:
    """Who makes each message. It reads all of the source, for which no other test should wait."""
    return messages_drawn.senders()


def received(module: ModuleType) -> set[str]:
    return {message.__name__ for message in messages_drawn.received(module)}


def own_messages(module: ModuleType) -> set[str]:
    """What an actor tells itself stands in its own file."""
    return {m.__name__ for m in messages_drawn.received(module) if m.__module__ == module.__name__}


def test_every_message_has_a_receiver() -> None:
    from_others = (received(module) - own_messages(module) for module in ACTORS.values())
    assert MESSAGES.keys() == set().union(*from_others)


def test_every_message_can_be_imported_from_the_package() -> None:
    assert MESSAGES.keys() <= vars(messages).keys()


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_says_who_sends_it_to_whom_and_so_it_is(
    name: str, senders: dict[str, set[str]]
) -> None:
    ways = messages_drawn.ways(MESSAGES[name])
    assert {way.receiver for way in ways} == RECEIVERS[name]
    # A receiver that makes one hands on what it has received.
    said = {way.sender for way in ways} - {"subscribers"}
    made = senders[name]
    assert said <= made
    assert made - said <= ({*RECEIVERS[name]} if "every service" not in said else {*ACTORS})


@pytest.mark.parametrize("name", sorted(ACTORS))
def test_an_actor_handles_exactly_what_its_type_says(name: str) -> None:
    tree = ast.parse(inspect.getsource(ACTORS[name]))
    handler = next(node for node in ast.walk(tree) if getattr(node, "name", None) == "on_receive")
    # Only the table of contents: what the methods match on is their own matter.
    match = next(node for node in ast.walk(handler) if isinstance(node, ast.Match))
    handled = {
        ast.unparse(pattern.cls)
        for case in match.cases
        for pattern in ast.walk(case.pattern)
        if isinstance(pattern, ast.MatchClass)
    }
    assert handled == received(ACTORS[name])


@pytest.mark.parametrize("name", sorted(ACTORS))
def test_the_docstring_names_what_an_actor_receives(name: str) -> None:
    text = ACTORS[name].__doc__ or ""
    found = re.search(r"^Receives +(.*?)\n(?=\S)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert set(re.split(r",\s+", found[1].strip())) == received(ACTORS[name])


WATCHERS = {"event_bus", "error_manager", "health_monitor", "resource_monitor", "alerter"}
# To the processor it must not get lost. The others, which would only be slower without it, are
# offered it.
AND_OTHERS = {"StoreStarted"}


@pytest.mark.parametrize("name", sorted(MESSAGES.keys() - AND_OTHERS))
def test_what_a_watcher_is_told_costs_its_sender_nothing(name: str) -> None:
    message = MESSAGES[name]
    if issubclass(message, Tell) and WATCHERS & RECEIVERS[name]:
        assert issubclass(message, BestEffort)


def test_every_actor_that_takes_changed_settings_gets_them() -> None:
    takers = {name for name, module in ACTORS.items() if "SettingsChanged" in received(module)}
    assert set(READERS) == takers
