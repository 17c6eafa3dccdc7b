"""This machine: the home and who has it, the port and who has it, file descriptors."""

from __future__ import annotations

import os
import pwd
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.config.database import DatabaseSettings
from vatwatch.config.web import STREAM_CLIENTS, WebSettings
from vatwatch.errors import ConfigurationError, EmbeddedPostgresError
from vatwatch.listening import CAUSES, bare, bind_error, shown_place
from vatwatch.server.descriptors import OTHER_CONNECTIONS, descriptors_needed, room_within
from vatwatch.storage.directory_lock import DirectoryLock, DirectoryTaken
from vatwatch.storage.home import PARTS
from vatwatch.storage.postgres_user import ServerUser

HOME, PORT, DESCRIPTORS = "home", "port", "descriptors"
# With fewer the service cannot even open its connections to the database and its files.
LEAST_DESCRIPTORS = 256


def holder_of(home: Path) -> int | None:
    """The process that has the home; None if nobody has, or it cannot be told."""
    for part in PARTS:
        try:
            DirectoryLock(home / part).look()
        except DirectoryTaken as taken:
            return int(taken.holder) if taken.holder.isdigit() else None
        except OSError:
            continue  # not there yet, or examined elsewhere
    return None


def examine_home(home: Path) -> Iterator[DoctorFinding]:
    """Who has it, and what in it cannot be used. That it can be written, the settings' check has
    found out."""
    if not home.exists():
        yield ok(HOME, f"{home} is not there yet; the first start makes it.")
        return
    holder = holder_of(home)
    if holder is not None:
        yield ok(HOME, f"A service runs with {home}: process {holder}.")
    else:
        yield ok(HOME, f"No service runs with {home}.")
    try:
        locked = [*_unusable(home)]
    except OSError as error:
        locked = [Path(error.filename or home)]
    if locked:
        names = ", ".join(str(path) for path in locked[:3]) + ", …" * (len(locked) > 3)
        yield fault(
            HOME,
            f"This user ({_user(os.geteuid())}) may not read and write {names}.",
            f"Run vatwatch as the user who owns them, or give them to this one: chown -R {home}.",
        )
    yield from _cluster(home / "postgres" / "data")


def _unusable(home: Path) -> Iterator[Path]:
    """Files and folders that the service itself writes, and may not. Those of the cluster belong
    to its own user."""
    for place in (home, *sorted(home.iterdir()), *sorted((home / "journal").glob("*"))):
        wanted = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)
        if place.name != "postgres" and not place.is_symlink() and not os.access(place, wanted):
            yield place


def _cluster(data: Path) -> Iterator[DoctorFinding]:
    """PostgreSQL starts only in a directory of its own user that others may not enter."""
    try:
        found = data.stat()
        user = ServerUser.choose()
    except (OSError, EmbeddedPostgresError):
        return  # no cluster, or the check of the settings says what is wrong
    if not user.may_own(found.st_uid):
        owner = os.geteuid() if user.uid is None else user.uid
        yield fault(
            HOME,
            f"{data} belongs to {_user(found.st_uid)}, and PostgreSQL would run as {_user(owner)}.",
            f"Run vatwatch as the user that made it, or: chown -R {_user(owner)} {data}.",
        )
    if stat.S_IMODE(found.st_mode) & ~0o750:
        yield fault(
            HOME,
            f"{data} has the mode {stat.S_IMODE(found.st_mode):o}, with which PostgreSQL does not "
            "start.",
            f"chmod 700 {data}",
        )


def examine_port(web: WebSettings, home: Path | None) -> Iterator[DoctorFinding]:
    """Whether the service could listen, or listens already."""
    place = shown_place(web.host, web.port)
    try:
        error = bind_error(web.host, web.port)
    except ConfigurationError as wrong:
        yield fault(PORT, f"The service {wrong}.", "Correct VATWATCH_HOST, or the name server.")
        return
    if error is None:
        yield ok(PORT, f"{place} is free.")
        return
    owner = _listener(web.host, web.port)
    holder = None if home is None else holder_of(home)
    if owner is not None and holder is not None and holder in _family(owner):
        yield ok(PORT, f"The running service listens on {place} (process {holder}).")
        return
    cause = CAUSES.get(error.errno or 0, error.strerror or str(error))
    who = "" if owner is None else f": process {owner.pid} ({_name(owner)})"
    yield fault(
        PORT,
        f"The service cannot listen on {place}: {cause}{who}.",
        "Stop that process, or choose another port with PORT or --port."
        if who
        else "Choose another address with VATWATCH_HOST, or another port with PORT.",
    )


def _listener(host: str, port: int) -> psutil.Process | None:
    """The process that listens there; None if this user may not know it.

    Children share a socket: of them all, the one that has started the others.
    """
    try:
        listening: list[Any] = [one for one in psutil.net_connections("tcp") if _listens(one, port)]
        # Another process may have the same port of another address.
        listening.sort(key=lambda one: one.laddr[0] not in (bare(host), "0.0.0.0", "::"))  # noqa: S104
        known = [one.pid for one in listening if one.pid is not None]
        if not known:
            return None
        process = psutil.Process(known[0])
        for parent in process.parents():
            if not any(_listens(one, port) for one in parent.net_connections("tcp")):
                break
            process = parent
    except (psutil.Error, OSError):
        return None
    return process


def _listens(one: Any, port: int) -> bool:
    return bool(one.status == psutil.CONN_LISTEN and one.laddr and one.laddr[1] == port)


def _family(process: psutil.Process) -> set[int]:
    try:
        return {process.pid, *(parent.pid for parent in process.parents())}
    except psutil.Error:
        return {process.pid}


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "which has just ended"


def examine_descriptors(
    web: WebSettings | None, database: DatabaseSettings | None
) -> Iterator[DoctorFinding]:
    """Whether clients, those of the stream too, connections and files find room."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = 0 if database is None else database.max_connections
    streams = STREAM_CLIENTS if web is None else web.stream_clients
    needed = descriptors_needed(streams, connections)
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        yield ok(DESCRIPTORS, f"A process may have {_limit(allowed)} files and connections open.")
        return
    suffices = most == resource.RLIM_INFINITY or most >= needed
    what_then = (
        "The service raises its own limit, as it may."
        if suffices
        else f"Only {room_within(most, streams, connections):,} may follow the stream then."
    )
    level = fault if allowed < LEAST_DESCRIPTORS else warning
    yield level(
        DESCRIPTORS,
        f"A process may have {allowed:,} files and connections open; {streams:,} clients of the "
        f"stream (VATWATCH_STREAM_CLIENTS), {OTHER_CONNECTIONS:,} others, {connections} "
        f"connections to the database and the service's own files are {needed:,}. {what_then}",
        f"Raise the limit before the start: ulimit -n {needed}{'' if suffices else ' (as root)'}, "
        "or LimitNOFILE= in the unit of systemd.",
    )


def _limit(number: int) -> str:
    return "any number of" if number == resource.RLIM_INFINITY else f"{number:,}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
