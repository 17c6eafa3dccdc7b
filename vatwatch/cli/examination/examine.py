"""Runs all examinations side by side, each in a native thread, until the time is up.

What hangs is left behind: a native thread cannot be ended. What it had found before is kept.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

from vatwatch.cli.examination.database import examine_database
from vatwatch.cli.examination.disk import examine_disk
from vatwatch.cli.examination.feed import examine_feed
from vatwatch.cli.examination.findings import DoctorFinding, Examine, FindingState, fault
from vatwatch.cli.examination.lock import examine_lock
from vatwatch.cli.examination.machine import examine_descriptors, examine_home, examine_port
from vatwatch.cli.examination.redis import examine_redis
from vatwatch.cli.examination.replica import examine_replica
from vatwatch.cli.examination.settings import examine_settings
from vatwatch.config.settings import Reading, read
from vatwatch.redaction import hide, redact

# What each one waits for, if it does not end.
WAITS_FOR = {
    "settings": "the name server, or the file system of the settings or of VATWATCH_HOME",
    "home": "the file system of VATWATCH_HOME",
    "port": "the system's list of connections",
    "database": "PostgreSQL, which takes connections and does not answer, or the name server",
    "lock": "PostgreSQL at DATABASE_LOCK_URL, which takes connections and does not answer",
    "replica": "PostgreSQL at DATABASE_READ_URL, which takes connections and does not answer",
    "redis": "Redis, which takes connections and does not answer, or the name server",
    "feed": "the feed's server, or the name server",
    "disk": "the file system of VATWATCH_HOME, or PostgreSQL",
}


# Reading takes a second on a busy machine, and all the rest depends on it.
READING_S = 10.0
# It runs pg_config, and gevent starts processes only from there.
ON_THE_HUB = ("settings",)


@dataclass(slots=True)
class Examined:
    """All findings in the order of the subjects. `left_behind`: some threads hang."""

    findings: list[DoctorFinding] = field(default_factory=list)
    left_behind: bool = False

    @property
    def state(self) -> FindingState:
        """The worst of all."""
        found = {finding.state for finding in self.findings}
        worst_first = (FindingState.FAULT, FindingState.WARNING)
        return next((state for state in worst_first if state in found), FindingState.OK)


def examine(overrides: Mapping[str, object], *, timeout_s: float) -> Examined:
    """Read the settings, then look at everything that they name.

    `overrides` are the command line's. Each of the two steps ends after `timeout_s`, the first one
    not before `READING_S`.
    """
    readings: list[Reading] = []

    def read_settings() -> Iterator[DoctorFinding]:
        reading = read(overrides=overrides, for_service=True)
        hide(reading.secrets())
        readings.append(reading)
        return iter(())

    examined = _run({"settings": read_settings}, max(timeout_s, READING_S))
    if readings:
        others = _run(dict(_examinations(readings[0])), timeout_s)
        examined.findings += others.findings
        examined.left_behind |= others.left_behind
    return examined


def _examinations(reading: Reading) -> Iterator[tuple[str, Examine]]:
    """Those whose settings are valid, even if others have faults."""
    yield "settings", partial(examine_settings, reading)
    sections: Mapping[str, Any] = reading.sections
    general, web, database = (sections.get(name) for name in ("general", "web", "database"))
    if general is not None:
        yield "home", partial(examine_home, general.home)
    if web is not None:
        yield "port", partial(examine_port, web, None if general is None else general.home)
    yield "descriptors", partial(examine_descriptors, web, database)
    names = ("database", "journal", "traffic", "resources")
    if general is not None and sections.keys() >= {*names}:
        yield "disk", partial(examine_disk, general.home, *(sections[name] for name in names))
    if general is not None and database is not None:
        yield "database", partial(examine_database, database, general.home)
        yield "lock", partial(examine_lock, database)
        yield "replica", partial(examine_replica, database)
    if "cache" in sections:
        yield "redis", partial(examine_redis, sections["cache"])
    if "vatsim" in sections:
        yield "feed", partial(examine_feed, sections["vatsim"])


def _run(examinations: Mapping[str, Examine], timeout_s: float) -> Examined:
    pool = ThreadPool(len(examinations))
    found: dict[str, list[DoctorFinding]] = {name: [] for name in examinations}

    def look(name: str) -> None:
        try:
            for finding in examinations[name]():
                found[name].append(finding)
        except Exception as error:  # noqa: BLE001 - a bug in one must not cost the others' findings
            found[name].append(_failed(name, error))

    running = {
        name: (gevent if name in ON_THE_HUB else pool).spawn(look, name) for name in examinations
    }
    gevent.wait(list(running.values()), timeout=timeout_s)
    examined = Examined()
    for name, thread in running.items():
        examined.findings += [_redacted(finding) for finding in found[name]]
        if not thread.ready():
            examined.left_behind = True
            examined.findings.append(
                fault(
                    name,
                    f"There was no end within {timeout_s:g} s: it waits for {WAITS_FOR[name]}.",
                    "Look at that first; --timeout gives it more time.",
                )
            )
    return examined


def _failed(name: str, error: Exception) -> DoctorFinding:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return fault(
        name,
        f"The examination has failed: {type(error).__name__}: {error} "
        f"({Path(where.filename).name}, line {where.lineno}).",
        "Report this as a bug of vatwatch, with this line.",
    )


def _redacted(finding: DoctorFinding) -> DoctorFinding:
    return DoctorFinding(finding.check, finding.state, redact(finding.text), redact(finding.advice))
