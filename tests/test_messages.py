"""Who receives what: the types, the handlers and the docstrings say the same."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import typing
from types import ModuleType

import pytest

import vatwatch.actors
from vatwatch import messages
from vatwatch.supervision import Ask, BestEffort, Tell

ACTORS: dict[str, ModuleType] = {
    name: module
    for _, name, _ in pkgutil.iter_modules(vatwatch.actors.__path__)
    if hasattr(module := importlib.import_module(f"vatwatch.actors.{name}"), "Received")
}
# Whoever subscribes to the event bus receives it; a subscriber need not be in the tree.
FOR_SUBSCRIBERS = {"Delivered"}


def received(module: ModuleType) -> set[str]:
    types = typing.get_args(module.Received) or (module.Received,)
    return {message.__name__ for message in types}


def all_messages() -> set[str]:
    return {
        name
        for name, value in vars(messages).items()
        if inspect.isclass(value)
        and value.__module__.startswith(messages.__name__ + ".")
        and issubclass(value, Tell | Ask)
    }


def own_messages(module: ModuleType) -> set[str]:
    """What an actor tells itself stands in its own file."""
    types = typing.get_args(module.Received) or (module.Received,)
    return {message.__name__ for message in types if message.__module__ == module.__name__}


def test_every_message_has_a_receiver() -> None:
    from_others = (received(module) - own_messages(module) for module in ACTORS.values())
    assert all_messages() - FOR_SUBSCRIBERS == set().union(*from_others)


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


@pytest.mark.parametrize("name", sorted(all_messages()))
def test_a_message_says_who_sends_it_to_whom(name: str) -> None:
    assert re.match(r"[\w ,()]+ → [\w ,]+: \S", getattr(messages, name).__doc__)


WATCHERS = {"event_bus", "error_manager", "health_monitor", "resource_monitor", "alerter"}
# To the processor it must not get lost. The others, which would only be slower without it, are
# offered it; and whoever subscribes or replays does so once, and has to know that it came.
AND_OTHERS = {"StoreStarted", "Subscribe", "Unsubscribe", "Replay"}


@pytest.mark.parametrize("name", sorted(all_messages() - AND_OTHERS))
def test_what_a_watcher_is_told_costs_its_sender_nothing(name: str) -> None:
    message = getattr(messages, name)
    _, receivers = re.split(r" → ", message.__doc__.split(":")[0], maxsplit=1)
    if issubclass(message, Tell) and WATCHERS & set(receivers.split(", ")):
        assert issubclass(message, BestEffort)
