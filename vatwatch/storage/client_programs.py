"""psql, pg_dump and similar programs: finds those that fit a server, and tells them where it is.

A password is never in their command line, which every user of the machine can read. Everything that
libpq accepts from the environment is passed there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from vatwatch.errors import EmbeddedPostgresError
from vatwatch.storage.postgres_binaries import find_binaries

# libpq's names in the environment, by its names in an address (its documentation, chapter 34.15).
VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "require_auth": "PGREQUIREAUTH",
    "channel_binding": "PGCHANNELBINDING",
    "service": "PGSERVICE",
    "servicefile": "PGSERVICEFILE",
    "options": "PGOPTIONS",
    "application_name": "PGAPPNAME",
    "sslmode": "PGSSLMODE",
    "requiressl": "PGREQUIRESSL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcertmode": "PGSSLCERTMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "requirepeer": "PGREQUIREPEER",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "client_encoding": "PGCLIENTENCODING",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
}
# libpq's own least is 2 s.
CONNECT_S = 5
# A secret without a name in the environment: the program asks for it.
ASKED_FOR = "sslpassword"


@dataclass(frozen=True, slots=True)
class Connection:
    """Tells a PostgreSQL program where the server is."""

    environment: dict[str, str]
    words: list[str]
    """Command-line arguments, for what the environment has no names for."""


def connection_to(dsn: str) -> Connection:
    """The server at this address."""
    given = parse_dsn(dsn)
    given.pop(ASKED_FOR, None)
    # Other values in the environment are about another server.
    environment = {k: v for k, v in os.environ.items() if k not in VARIABLES.values()}
    for name in [*given]:
        if name in VARIABLES:
            environment[VARIABLES[name]] = given.pop(name)
    return Connection(environment, ["-d", make_dsn(**given)] if given else [])


def server_major(dsn: str) -> int | None:
    """The server's major version; None if it is away or refuses us. Blocks for up to `CONNECT_S`
    for each address of the host.
    """
    try:
        conn = psycopg2.connect(
            dsn, connect_timeout=CONNECT_S, fallback_application_name="vatwatch"
        )
    except psycopg2.Error:
        return None
    try:
        return conn.server_version // 10_000
    finally:
        conn.close()


def find_program(name: str, major: int | None, explicit: Path | None) -> Path:
    """The program for a server of this major version: the same version, or the next higher one.

    If the server's version is unknown, the newest program, which gives the best error. An older
    psql is better than none; an older pg_dump refuses the server.

    Raises:
        EmbeddedPostgresError: no program fits
    """
    found = list(_versions(name, explicit))
    wanted = max((version for version, _ in found), default=0) if major is None else major
    # Programs of the named directory come first, and stay first if they fit.
    found.sort(key=lambda one: (one[0] < wanted, one[1].parent != explicit, abs(one[0] - wanted)))
    if found and (found[0][0] >= wanted or name == "psql"):
        return found[0][1]
    have = ", ".join(f"{version} ({path})" for version, path in found) or "none"
    raise EmbeddedPostgresError(
        f"the server is PostgreSQL {wanted}, which needs {name} {wanted} or later; here is {have}. "
        f"Install PostgreSQL {wanted}, or set VATWATCH_POSTGRES_BINDIR to the directory of its "
        "programs"
    )


def _versions(name: str, explicit: Path | None) -> Iterator[tuple[int, Path]]:
    """Major version and path of each program of this name, without duplicates."""
    on_path = shutil.which(name)
    places = [explicit / name] if explicit is not None else []
    places += [binaries.bindir / name for binaries in find_binaries()]
    places += [Path(on_path)] if on_path is not None else []
    seen: set[Path] = set()
    for path in places:
        version = _version(path)
        if version is not None and path.resolve() not in seen:
            seen.add(path.resolve())
            yield version, path


def _version(path: Path) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603 - a program of PostgreSQL
            [path, "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return None if found is None else int(found[1])
