"""Finds who sends which message to whom, and draws it (`make docs`).

Each message's docstring says its ways: `sender → receiver: what it means`. The drawings are made of
these, and `tests/test_messages.py` holds them against the code: the receiver is who has the message
in its inbox, a sender is who makes one. What a module beside the actors makes is its users'
(`actors/blame.py` is part of each actor that imports it); what `actors/service.py` makes, every
service sends.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import textwrap
import typing
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import vatwatch.actors
import vatwatch.messages
from vatwatch.supervision import Ask, BestEffort, Latest, Tell

PACKAGE = Path(vatwatch.actors.__path__[0]).parent
# Whose messages these are, where the sender is no actor.
OUTSIDE = {
    "http": "http",
    "cli": "replay",
    "server": "server",
    "actors/notices.py": "supervision",
    "actors/service.py": "every service",
}

WAY = re.compile(r"^ *(?P<senders>[\w, ]+?) → (?P<receivers>[\w, ]+?): ", re.MULTILINE)
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Way:
    """The senders and receivers of a message, and its meaning."""

    sender: str
    receiver: str
    meaning: str


def actors() -> dict[str, ModuleType]:
    """The modules of `vatwatch.actors` that hold an actor, by its name in the tree."""
    modules = {
        name: importlib.import_module(f"vatwatch.actors.{name}")
        for _, name, _ in pkgutil.iter_modules(vatwatch.actors.__path__)
    }
    return {name: module for name, module in modules.items() if hasattr(module, "Received")}


def received(module: ModuleType) -> list[type]:
    """All messages that the actor of this module receives, including those to itself."""
    return list(typing.get_args(module.Received) or (module.Received,))


def messages() -> dict[str, type]:
    """Every message that one part sends to another, by name."""
    return {
        name: value
        for module in pkgutil.iter_modules(vatwatch.messages.__path__)
        for name, value in vars(importlib.import_module(f"vatwatch.messages.{module.name}")).items()
        if isinstance(value, type)
        and issubclass(value, Tell | Ask)
        and value.__name__ == name  # not the alias of an inbox with one message
        and value.__module__ == f"vatwatch.messages.{module.name}"
    }


def receivers() -> dict[str, set[str]]:
    """The receivers of each message, by its name. Messages to subscribers count as theirs."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, module in actors().items():
        for message in received(module):
            found[message.__name__].add(name)
    return found


def senders() -> dict[str, set[str]]:
    """The modules that create each message, by its name."""
    known = messages()
    users = _users()
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).as_posix()
        if place.startswith("messages/"):
            continue
        for message in _made_in(file) & known.keys():
            found[message] |= _who(place, users)
    return found


def ways(message: type) -> list[Way]:
    """What its docstring says: `sender, sender → receiver: meaning`, once or more often."""
    found = []
    text = message.__doc__ or ""
    for line in WAY.finditer(text):
        meaning = text[line.end() :].partition("\n\n")[0]
        meaning = " ".join(WAY.split(meaning)[0].split())
        for receiver in line["receivers"].split(", "):
            found += [
                Way(sender, receiver, meaning)
                for sender in line["senders"].split(", ")
                if sender != receiver
            ]
    return found


def drawing() -> str:
    """Each receiver with who tells it what; for the package's docstring."""
    to: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, message in sorted(messages().items()):
        for way in ways(message):
            mark = "?" if issubclass(message, Ask) else ""
            to[way.receiver][way.sender].append(name + mark)
    lines = []
    for receiver in sorted(to):
        lines.append(f"    {receiver}")
        for sender in sorted(to[receiver]):
            lines += textwrap.wrap(
                ", ".join(to[receiver][sender]),
                WIDTH,
                initial_indent=f"      ◀ {sender:17}",
                subsequent_indent=" " * 25,
            )
    return "\n".join(lines)


def tables() -> str:
    """A table for each receiver; for docs/messages.md."""
    rows: dict[str, list[str]] = defaultdict(list)
    for name, message in sorted(messages().items()):
        by: dict[tuple[str, str], list[str]] = defaultdict(list)
        for way in ways(message):
            by[way.receiver, way.meaning].append(way.sender)
        for (receiver, meaning), who in by.items():
            rows[receiver].append(f"| `{name}` | {_kind(message)} | {', '.join(who)} | {meaning} |")
    head = "| message | kind | from | what it says |\n| --- | --- | --- | --- |\n"
    return "\n\n".join(f"### {name}\n\n{head}" + "\n".join(rows[name]) for name in sorted(rows))


def _kind(message: type) -> str:
    if issubclass(message, Ask):
        return "ask"
    if issubclass(message, Latest):
        return "latest"
    return "best effort" if issubclass(message, BestEffort) else "tell"


def _made_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _who(place: str, users: dict[str, set[str]]) -> set[str]:
    if place in OUTSIDE:
        return {OUTSIDE[place]}
    folder, _, module = place.rpartition("/")
    if folder == "actors":
        return users[module.removesuffix(".py")]
    return {OUTSIDE.get(folder.split("/")[0], folder or module)}


def _users() -> dict[str, set[str]]:
    """For each module of `actors`, the actors that it is part of."""
    imports = {
        file.stem: {
            (node.module or "").removeprefix("vatwatch.actors.")
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("vatwatch.actors.")
        }
        for file in (PACKAGE / "actors").glob("*.py")
    }
    names = actors().keys()
    users: dict[str, set[str]] = defaultdict(set)

    def visit(module: str, actor: str) -> None:
        if actor not in users[module]:
            users[module].add(actor)
            for imported in imports.get(module, ()):
                if imported not in names:
                    visit(imported, actor)

    for name in names:
        visit(name, name)
    return users
