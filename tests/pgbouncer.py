"""A real pgbouncer in front of a test's PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from vatwatch.storage.postgres_user import ServerUser

PATIENCE_S = 60.0
PORT = 6432


@contextmanager
def pgbouncer(directory: Path, dsn: str, **settings: object) -> Iterator[str]:
    """Gives the address of the database through it. `settings` are of its section [pgbouncer]."""
    # Debian has it in a directory that users' shells do not search.
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.fail("pgbouncer is not installed: run `make test`, which installs it")
    words = parse_dsn(dsn)
    target = f"host={words['host']} user={words['user']} dbname={words['dbname']}"
    given = {
        "listen_addr": "",
        "listen_port": PORT,
        "unix_socket_dir": directory,
        "auth_type": "any",
        "pidfile": "",
        "logfile": directory / "pgbouncer.log",
        **settings,
    }
    config = directory / "pgbouncer.ini"
    lines = [f"{name} = {value}" for name, value in given.items()]
    config.write_text("\n".join(["[databases]", f"through = {target}", "[pgbouncer]", *lines]))
    # As PostgreSQL, it does not run as root.
    user = ServerUser.choose()
    user.own(directory)
    command = [*user.command([directory]), program, str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        place = directory / f".s.PGSQL.{PORT}"
        deadline = time.monotonic() + PATIENCE_S
        try:
            while not answers(place):
                assert server.poll() is None, "pgbouncer has ended"
                assert time.monotonic() < deadline, "pgbouncer does not start"
                time.sleep(0.05)
            yield make_dsn(host=str(directory), port=PORT, user=words["user"], dbname="through")
        finally:
            server.terminate()


def answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(place))
        except OSError:
            return False
        return True
