"""The service's database, for commands: whether the service runs or not.

With an embedded cluster whose service does not run, its server is started for as long as the
command takes; then the home is in use, and a service that is started meanwhile says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import gevent

from vatwatch.config.settings import Settings
from vatwatch.errors import ConfigurationError, DatabaseUnavailable
from vatwatch.storage.client_programs import Connection, connection_to, server_major
from vatwatch.storage.embedded import DATABASE, SUPERUSER, EmbeddedPostgres
from vatwatch.storage.home import take_home
from vatwatch.storage.postgres_knock import KnockResult, knock
from vatwatch.storage.postgres_leftovers import running_server

# How long to wait for a server whose service has just been started.
READY_S = 30.0
KNOCK_S = 2.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class ReachedDatabase:
    """The database, and whether its server ends with this command."""

    dsn: str
    """Its address, which may have a password."""
    major: int | None
    bindir: Path | None
    ours: bool

    @property
    def connection(self) -> Connection:
        """The address, as PostgreSQL's programs are told of it."""
        return connection_to(self.dsn)


@contextmanager
def reach_database(settings: Settings) -> Iterator[ReachedDatabase]:
    """Find the database, and start an embedded one that does not run.

    Raises:
        ConfigurationError: there is no database yet
        DatabaseUnavailable: the embedded server runs and does not answer
    """
    database = settings.database
    if database.url is not None:
        dsn = database.url.get_secret_value()
        yield ReachedDatabase(dsn, server_major(dsn), database.bindir, ours=False)
        return
    home = settings.general.home.absolute()
    data = home / "postgres" / "data"
    try:
        major = int((data / "PG_VERSION").read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"there is no database in {home} yet: start the service once, set VATWATCH_HOME to "
            "its home, or DATABASE_URL to its database"
        ) from error
    running = running_server(data)
    if running is not None and running.sockets is not None:
        _await_ready(running.sockets)
        yield ReachedDatabase(_at(running.sockets), major, database.bindir, ours=False)
        return
    sys.stderr.write("The service is not running: its PostgreSQL is started for this command.\n")
    sys.stderr.flush()
    lock = take_home(home, leaving_s=settings.service.shutdown_timeout_s)
    cluster = EmbeddedPostgres(home, bindir=database.bindir)
    try:
        cluster.start()
        dsn = _at(Path(cluster.socket_directory))
        yield ReachedDatabase(dsn, major, database.bindir, ours=True)
    finally:
        cluster.stop()
        lock.release()


def _at(sockets: Path) -> str:
    return f"host='{sockets}' user={SUPERUSER} dbname={DATABASE}"


def _await_ready(sockets: Path) -> None:
    deadline = monotonic() + READY_S
    while knock(sockets, user=SUPERUSER, timeout_s=KNOCK_S) is not KnockResult.READY:
        if monotonic() > deadline:
            raise DatabaseUnavailable(f"the PostgreSQL in {sockets} is running but does not answer")
        gevent.sleep(POLL_S)
