"""The replica that answers questions about the past: is it one of this database, and up to date?"""

from __future__ import annotations

from collections.abc import Iterator

from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import DatabaseUnavailable
from vatwatch.storage.database_look import OptionsRefused, look_at_position
from vatwatch.storage.migrate import newest_known
from vatwatch.storage.reachability import name_of

CHECK = "replica"
MEANWHILE = "Until then the server in DATABASE_URL answers in its place."
# A primary that writes has always sent a little more than its replica has applied.
SLIGHT_BYTES = 16 * 2**20


def examine_replica(database: DatabaseSettings) -> Iterator[DoctorFinding]:
    """The server of DATABASE_READ_URL, if there is one."""
    if database.url is None or database.read_url is None:
        return
    dsn = database.read_url.get_secret_value()
    name = name_of(dsn)
    try:
        primary = look_at_position(database.url.get_secret_value())
    except (OptionsRefused, DatabaseUnavailable):
        primary = None  # the look at the database says so
    # In this order: what the replica has is not less than what its primary had a moment ago.
    try:
        replica = look_at_position(dsn, reads=True)
    except OptionsRefused:
        yield warning(
            CHECK,
            f"{name} refuses the options of vatwatch's sessions, and takes others: it is a pooler.",
            f"Let DATABASE_READ_URL lead to PostgreSQL itself. {MEANWHILE}",
        )
        return
    except DatabaseUnavailable as error:
        yield warning(
            CHECK,
            f"DATABASE_READ_URL: {error}.",
            f"Start the replica, or correct DATABASE_READ_URL. {MEANWHILE}",
        )
        return
    if primary is not None and replica.at.system != primary.at.system:
        yield fault(
            CHECK,
            f"{name} is no replica of the server in DATABASE_URL: it belongs to another cluster.",
            f"Correct DATABASE_READ_URL. {MEANWHILE}",
        )
    elif not replica.at.standby:
        yield warning(
            CHECK,
            f"{name} is no standby, but takes writes.",
            "Name a replica in DATABASE_READ_URL; its questions load the primary now.",
        )
    elif replica.schema != newest_known():
        yield warning(
            CHECK,
            f"{name} has not the tables of this version yet.",
            f"The first start makes them, and they get there by replication. {MEANWHILE}",
        )
    elif primary is None:
        yield ok(CHECK, f"{name} answers; its primary does not, so what it lacks is not known.")
    elif (missing := primary.at.at - replica.at.at) > SLIGHT_BYTES:
        yield warning(
            CHECK,
            f"{name} lacks {missing / 2**20:,.0f} MiB of what its primary has written.",
            "Look at pg_stat_replication there, and at the replica's log. A replica that lags by "
            "more than DATABASE_READ_MAX_LAG is not asked.",
        )
    else:
        yield ok(CHECK, f"{name} answers, and has what its primary has.")
