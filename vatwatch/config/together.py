"""Checks of settings that are valid alone but not together."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from vatwatch.config.areas import unreadable_places
from vatwatch.config.keys import LEAST_KEY_CHARS, is_worthless_key
from vatwatch.config.resources import LEAST_MEMORY_MB
from vatwatch.config.section import refusal_of
from vatwatch.config.showing import one_line
from vatwatch.config.vatsim import MIN_VATSIM_POLL_S
from vatwatch.redaction import shown_address


def faults(sections: Mapping[str, Any]) -> Iterator[str]:
    """A line for each fault. Sections with faults of their own are not in `sections`."""
    if "vatsim" in sections:
        yield from _pace(sections["vatsim"])
    if "resources" in sections:
        yield from _limits(sections["resources"])
    if "areas" in sections:
        home = sections["general"].home if "general" in sections else None
        yield from unreadable_places(sections["areas"], home)
    if "database" in sections:
        yield from _replicas(sections["database"])
    if sections.keys() >= {"web", "service"}:
        yield from _workers(sections["web"], sections["service"])
    if sections.keys() >= {"web", "database", "cache"}:
        yield from _shared(sections["web"], sections["database"], sections["cache"])


def faults_of_service(sections: Mapping[str, Any]) -> Iterator[str]:
    """Faults that keep the service from running on this machine; other commands may still work."""
    if "general" in sections:
        yield from _home(sections["general"].home)
    if "web" in sections:
        yield from _host(sections["web"].host)
    yield from faults_of_change(sections)


def faults_of_change(sections: Mapping[str, Any]) -> Iterator[str]:
    """The same for a reload, in which home and host do not change."""
    if "resources" in sections:
        yield from _least_memory(sections["resources"])
    if "access" in sections:
        yield from _worthless_keys(sections["access"])


def _home(home: Path) -> Iterator[str]:
    """Check by writing: permissions do not show a read-only file system, and do not apply to
    root."""
    try:
        place = next(one for one in (home, *home.absolute().parents) if one.exists())
        with TemporaryFile(dir=place):
            pass
    except OSError as error:
        yield f"VATWATCH_HOME={one_line(str(home))}: cannot be written ({refusal_of(error)})"


def _host(host: str) -> Iterator[str]:
    """Check that a name resolves. Whether it belongs to this machine is seen when listening."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        yield f"VATWATCH_HOST={one_line(host)}: is a name that does not resolve"


def _worthless_keys(access: Any) -> Iterator[str]:
    for number, key in enumerate(access.api_keys, 1):
        if is_worthless_key(key.get_secret_value()):
            yield (
                f"VATWATCH_API_KEYS: number {number} is too easy to guess: a key needs "
                f"{LEAST_KEY_CHARS} characters at least, not all the same, and must not be a "
                "placeholder such as changeme; `openssl rand -hex 16` makes a good one"
            )


def _least_memory(resources: Any) -> Iterator[str]:
    hard_mb = resources.memory_hard_mb
    if hard_mb is not None and hard_mb < LEAST_MEMORY_MB:
        yield (
            f"VATWATCH_MEMORY_HARD_MB={hard_mb:g}: must be at least {LEAST_MEMORY_MB}: a worker "
            "that has just started is not far below it"
        )


def _replicas(database: Any) -> Iterator[str]:
    if database.read_url is not None and database.is_embedded:
        yield (
            "DATABASE_READ_URL=***: the embedded PostgreSQL has no replicas: set DATABASE_URL to "
            "the server that they follow, or leave DATABASE_READ_URL out"
        )


def _pace(vatsim: Any) -> Iterator[str]:
    used = [vatsim.api_url, vatsim.transceivers_url]
    if vatsim.api_url is None:
        used.append(vatsim.status_url)
    for asked in used:
        if asked is not None and not vatsim.may_ask(asked):
            yield (
                f"VATSIM_POLL_INTERVAL={vatsim.poll_interval_s:g}: VATSIM's own hosts are not "
                f"asked more often than every {MIN_VATSIM_POLL_S} s, and {shown_address(asked)} "
                "is one of them"
            )


def _limits(resources: Any) -> Iterator[str]:
    for soft, hard, wrong in (
        ("memory_soft_mb", "memory_hard_mb", 1),
        ("hub_soft_ms", "hub_hard_ms", 1),
        ("disk_soft_mb", "disk_hard_mb", -1),
    ):
        first, second = getattr(resources, soft), getattr(resources, hard)
        if first is not None and second is not None and (first - second) * wrong > 0:
            order = "above" if wrong > 0 else "below"
            yield f"VATWATCH_{soft.upper()}={first:g}: {order} VATWATCH_{hard.upper()}={second:g}"


def _workers(web: Any, service: Any) -> Iterator[str]:
    if web.workers > service.max_workers:
        yield (
            f"VATWATCH_WORKERS={web.workers}: more than SERVICE_MAX_WORKERS={service.max_workers} "
            "allows; lower the one or raise the other"
        )


def _shared(web: Any, database: Any, cache: Any) -> Iterator[str]:
    """Several workers are several processes, each with a memory of its own."""
    if web.workers == 1:
        return
    missing = []
    if database.is_embedded:
        missing.append(
            "DATABASE_URL: the embedded PostgreSQL belongs to one process, which starts and stops "
            "it, so the others need one that runs by itself"
        )
    if cache.redis_url is None:
        missing.append(
            "REDIS_URL: one worker collects, and the others learn through Redis what the network "
            "looks like"
        )
    if missing:
        yield f"VATWATCH_WORKERS={web.workers}: several workers also need {'; and '.join(missing)}"
