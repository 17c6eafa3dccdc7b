"""The home has one owner at a time: `run`, `replay`, or a backup of a service that does not run."""

from __future__ import annotations

import logging
from pathlib import Path

from vatwatch.errors import ConfigurationError, HomeTaken
from vatwatch.storage.directory_lock import DYING_S, DirectoryLock, DirectoryTaken, wait_until_free

log = logging.getLogger(__name__)

# Each has its own lock, which may be held slightly longer than the home's, or without it.
PARTS = ("", "journal", "postgres")
# A file that makes a directory in it the home of one of several nodes.
NODE_MARK = "node"


def take_home(home: Path, *, leaving_s: float, beside_nodes: bool = False) -> DirectoryLock:
    """Take the home. If its owner is about to end, wait for that, `leaving_s` at most.

    With `beside_nodes` it is for one of several nodes, and others may have homes in it
    (`storage.node_home`).

    Raises:
        HomeTaken: another process has it
        ConfigurationError: it cannot be used
    """
    lock = DirectoryLock(home, of_node=beside_nodes)
    place = home
    try:
        home.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            place = home / part
            _await(place, leaving_s)
        for mark in () if beside_nodes else sorted(home.glob(f"*/{NODE_MARK}")):
            place = mark.parent
            _await(place, leaving_s)
        place = home
        lock.take(DYING_S)
    except DirectoryTaken as held:
        raise HomeTaken(
            f"{place} is in use by process {held.holder}. Is vatwatch running already? "
            "Stop it, or give this one another VATWATCH_HOME.",
            by_node=held.of_node,
        ) from held
    except OSError as error:
        raise ConfigurationError(
            f"VATWATCH_HOME={home}: {error.filename or home} cannot be written "
            f"({error.strerror or error})"
        ) from error
    return lock


def _await(place: Path, leaving_s: float) -> None:
    def waiting(held: DirectoryTaken) -> None:
        log.warning("Waiting for process %s, which is stopping, to release %s", held.holder, place)

    try:
        wait_until_free(place, leaving_s=leaving_s, waiting=waiting)
    except OSError:
        return  # not there yet, or its owner will say what is wrong with it
