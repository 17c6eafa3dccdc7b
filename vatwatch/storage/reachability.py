"""Says why there is no connection to PostgreSQL, in words for operators.

libpq's own messages are in the language of the machine, quote pieces of a misread address (which
may be a password), and have no SQLSTATE. So we check ourselves whether something listens where the
server should be. The server's message is passed on only if it was reached.
"""

from __future__ import annotations

import os
import socket
from typing import TypeAlias

import psycopg2
from gevent.monkey import get_original
from psycopg2.extensions import parse_dsn

# The originals from before gevent's patches: this runs in native threads, which have no hub.
_native_socket = get_original("socket", "socket")
_native_getaddrinfo = get_original("socket", "getaddrinfo")

# Timeout of each address that is tried; the caller has already waited for libpq.
TRY_S = 2.0
# PostgreSQL's defaults.
PORT = "5432"
# Text that libpq puts before a reason.
INTRODUCTIONS = ("FATAL:", "failed:", "error:")

Place: TypeAlias = tuple[str, str]
"""A host (or the directory of a socket) and a port, as in the address."""


def name_of(dsn: str) -> str:
    """The server's name for people: `PostgreSQL at db.example.org:5432`; only `PostgreSQL` if the
    address does not say where it is, or cannot be read."""
    return _called(_places(dsn))


def why_not(dsn: str, error: psycopg2.Error, setting: str = "DATABASE_URL") -> str:
    """Why `psycopg2.connect(dsn)` failed with this error. Call it in a native thread; it takes
    seconds. `setting`: where the address is from."""
    if not isinstance(error, psycopg2.OperationalError):
        return (
            f"{setting} is not an address that PostgreSQL's library can read: "
            "percent-encode what is special in the password, and check the parameters"
        )
    places = _places(dsn)
    failures = [failure for failure in (_failure_at(place) for place in places) if failure]
    name = _called(places)
    if len(failures) == len(places):
        why = ", ".join(dict.fromkeys(failures)) or f"check {setting}"
        return f"{name} cannot be reached ({why})"
    return (
        f"{name} does not take the connection: {_last_words(error, dsn)}. If it stays so, check "
        f"user, password, database and sslmode in {setting}"
    )


def _places(dsn: str) -> list[Place]:
    """Where the server should be; empty if the address does not say it, or if the host may be a
    misread piece of a password."""
    try:
        words = parse_dsn(dsn)
    except psycopg2.Error:
        return []
    hosts = str(words.get("host") or words.get("hostaddr") or "").split(",")
    ports = str(words.get("port") or PORT).split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    places = [(host, port or PORT) for host, port in zip(hosts, ports, strict=True) if host]
    doubtful = any("@" in host[1:] or not port.isdigit() for host, port in places)
    return [] if doubtful else places


def _called(places: list[Place]) -> str:
    if not places:
        return "PostgreSQL"
    return "PostgreSQL at " + ", ".join(
        f"[{host}]:{port}" if ":" in host else host if _is_path(host) else f"{host}:{port}"
        for host, port in places
    )


def _failure_at(place: Place) -> str:
    """The network's error for this place; empty if something listens there."""
    host, port = place
    try:
        if _is_path(host):
            _knock(socket.AF_UNIX, f"{host}/.s.PGSQL.{port}")
            return ""
        found = _native_getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except socket.gaierror:
        return "its name does not resolve"
    except OSError as error:
        return _in_words(error)
    failures = []
    for family, _, _, _, address in found:
        try:
            _knock(family, address)
        except OSError as error:
            failures.append(_in_words(error))
        else:
            return ""
    return ", ".join(dict.fromkeys(failures))


def _knock(family: int, address: object) -> None:
    with _native_socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(TRY_S)
        probe.connect(address)


def _in_words(error: OSError) -> str:
    if isinstance(error, TimeoutError) or error.errno is None:
        return "no answer"
    return os.strerror(error.errno).lower()


def _last_words(error: psycopg2.Error, dsn: str) -> str:
    """The server's own message: the end of libpq's message about the last place that it tried."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # A detail or hint that follows is useless without it.
    reasons = [line for line in lines if any(word in line for word in INTRODUCTIONS)]
    said = (reasons or lines or ["no reason was given"])[-1]
    for introduction in INTRODUCTIONS:
        said = said.rpartition(introduction)[2].strip() or said
    password = parse_dsn(dsn).get("password")
    return said.replace(password, "***").rstrip(".") if password else said.rstrip(".")


def _is_path(host: str) -> bool:
    """Whether a host is a socket by libpq's rule: a directory, or an abstract socket."""
    return host.startswith(("/", "@"))
