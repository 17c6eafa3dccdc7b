"""The homes of several processes that share one VATWATCH_HOME.

A node is its home: whoever takes the directory has its name, its journal, and what its predecessor
has left there. So a process that replaces a killed one goes on with that one's work.

The first of a service with one worker has VATWATCH_HOME itself, as a service that is alone; all
others have a directory in it. So several services may share it, as containers with one volume do.
"""

from __future__ import annotations

import logging
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from vatwatch.errors import ConfigurationError, HomeTaken
from vatwatch.storage.directory_lock import DYING_S, NAME, DirectoryLock, DirectoryTaken
from vatwatch.storage.home import NODE_MARK, PARTS, take_home

log = logging.getLogger(__name__)

# The directory whose lock the processes take in turn that look for a home.
CHOOSING = "choosing"
# What a service of one worker has in VATWATCH_HOME itself. One of several goes on with it.
OF_ONE = (
    "journal",
    "areas",
    "last-poll",
    "usual-pilots",
    "audit.log",
    "events.outbox",
    "errors.outbox",
    "breakers.outbox",
    "health.outbox",
    "alerts.outbox",
)
_NAME = re.compile(r"[A-Za-z0-9.-]{1,100}")


@dataclass(frozen=True, slots=True)
class NodeHome:
    """The home of this process, which it holds until it ends."""

    name: str
    """Of the node."""
    path: Path
    lock: DirectoryLock


def take_node_home(base: Path, *, of_one: bool, leaving_s: float) -> NodeHome:
    """Take a home that nobody has, or make a new one.

    Args:
        base: VATWATCH_HOME
        of_one: the service has one worker: it has `base` itself, unless another node has it
        leaving_s: how long to wait for a process that is about to leave `base`

    Raises:
        ConfigurationError: a process has it that shares it with nobody, or it cannot be written
    """
    if of_one:
        try:
            lock = take_home(base, leaving_s=leaving_s, beside_nodes=True)
        except HomeTaken as taken:
            if not taken.by_node:
                raise
            log.info("Another node has %s itself, so this one has a directory in it.", base)
        else:
            return NodeHome(_name_in(base), base, lock)
    try:
        (base / CHOOSING).mkdir(parents=True, exist_ok=True)
        choosing = DirectoryLock(base / CHOOSING)
        choosing.take(DYING_S + 3.0)
        try:
            return _free_one(base) or _new_one(base)
        finally:
            choosing.release()
    except DirectoryTaken as held:
        raise ConfigurationError(
            f"{base / CHOOSING} is in use by process {held.holder}, which has been choosing a home "
            "for long: end it, and start again"
        ) from held
    except OSError as error:
        raise ConfigurationError(
            f"VATWATCH_HOME={base}: {error.filename or base} cannot be written "
            f"({error.strerror or error})"
        ) from error


def _name_in(base: Path) -> str:
    """The name of the node whose home is VATWATCH_HOME itself; it stays the same."""
    mark = base / NODE_MARK
    with suppress(OSError, UnicodeDecodeError):
        name = mark.read_text().strip()
        if _NAME.fullmatch(name):
            return name
    name = _new_name()
    mark.write_text(f"{name}\n")
    return name


def _new_name() -> str:
    """Another one than those of all hosts, which may have the same name, too."""
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:80]
    return f"{host or 'node'}-{token_hex(3)}"


def _free_one(base: Path) -> NodeHome | None:
    for mark in sorted(base.glob(f"*/{NODE_MARK}")):
        home = _taken(mark.parent)
        if home is not None:
            return home
    return None


def _taken(path: Path) -> NodeHome | None:
    lock = DirectoryLock(path, of_node=True)
    try:
        for part in PARTS:
            # The home's own lock may be free a moment before that of what is in it.
            if part and (path / part / NAME).exists():
                DirectoryLock(path / part).look()
        lock.take()
    except DirectoryTaken:
        return None
    return NodeHome(path.name, path, lock)


def _new_one(base: Path) -> NodeHome:
    path = base / _new_name()
    path.mkdir()
    _adopt(base, path)
    # Last: a directory without it belongs to nobody, and its content would be left.
    (path / NODE_MARK).touch()
    home = _taken(path)
    assert home is not None  # nobody else chooses now
    return home


def _adopt(base: Path, path: Path) -> None:
    """Go on with what a service of one worker has left in VATWATCH_HOME, unless it still runs."""
    lock = DirectoryLock(base)
    try:
        lock.take()
    except DirectoryTaken:
        return
    try:
        for name in OF_ONE:
            if (base / name).exists():
                (base / name).rename(path / name)
                log.info("The node %s goes on with the %s of %s.", path.name, name, base)
    finally:
        lock.release()
