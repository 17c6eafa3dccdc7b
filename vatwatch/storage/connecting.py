"""Opens connections to PostgreSQL as vatwatch needs them. Blocks; for native threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extensions import parse_dsn

if TYPE_CHECKING:
    from psycopg2.extensions import connection

# Values of a connection, unless the address sets them: seconds, and a number of tries.
DEFAULTS = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
NOTHING_MORE: Mapping[str, object] = MappingProxyType({})
# Seconds for each of several hosts, and for a replica: a dead one must not take the time that the
# next one needs, or the primary in place of the replica.
HOST_S = 2
# Which of several hosts is wanted, unless the address says it: one that takes writes; for reads one
# that only reads, as long as there is one.
WRITES, READS = "read-write", "prefer-standby"


def connect(
    dsn: str,
    *,
    application_name: str,
    statement_timeout_s: float,
    connect_timeout_s: int | None = None,
    does_not_wait: bool = False,
    wins: Mapping[str, object] = NOTHING_MORE,
    reads: bool = False,
) -> connection:
    """A session with our options: those of the address are kept, beside UTC and UTF-8.

    `connect_timeout_s` is for each host of the address, and wins over the address's own. With
    `does_not_wait`, nothing waits: the caller polls, also for the connection to be there. `wins`
    are parameters of libpq that win over the address's own. `reads`: of several hosts, a standby is
    preferred, instead of the one that takes writes.

    Raises psycopg2.Error as it comes: its text may quote secrets (`reachability.why_not`).
    """
    given = parse_dsn(dsn)
    own = f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)}"
    others = given.get("options") or os.environ.get("PGOPTIONS", "")
    values: dict[str, Any] = {
        name: value for name, value in DEFAULTS.items() if not _is_set(given, name)
    }
    several = count_hosts(dsn) > 1
    if (several or reads) and "connect_timeout" in values:
        values["connect_timeout"] = HOST_S
    chosen = given.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS")
    if several and not chosen:
        values["target_session_attrs"] = READS if reads else WRITES
    if connect_timeout_s is not None:
        values["connect_timeout"] = connect_timeout_s
    conn: connection = psycopg2.connect(
        dsn,
        fallback_application_name=application_name,
        # We always send UTF-8, whatever the address or environment says.
        client_encoding="UTF8",
        options=f"{others} {own}".strip(),
        async_=does_not_wait,
        **{**values, **wins},
    )
    return conn


def count_hosts(dsn: str) -> int:
    """How many hosts libpq tries, one after the other."""
    given = parse_dsn(dsn)
    hosts = given.get("hostaddr") or given.get("host") or os.environ.get("PGHOST", "")
    return len(str(hosts).split(","))


def _is_set(given: dict[str, str], name: str) -> bool:
    """Whether the address sets this option. Switching a limit off is not possible."""
    return given.get(name, "0") != "0"
