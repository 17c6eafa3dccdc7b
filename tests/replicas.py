"""A primary and its streaming replica, both real, which can be stopped, stalled and promoted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from tests.actors.harness import Query, until
from tests.conftest import UNSAFE, make_tables
from vatwatch.storage.embedded import EmbeddedPostgres

# A question that is in the way of the replay is canceled at once.
REPLICA = {**UNSAFE, "max_standby_streaming_delay": "0"}


class Pair:
    """Two servers; `primary` and `replica` are their addresses as they were at the start."""

    def __init__(self, directory: Path) -> None:
        self._servers = {
            "primary": EmbeddedPostgres(directory / "a", settings=UNSAFE),
            "replica": EmbeddedPostgres(directory / "b", settings=REPLICA),
        }
        self.primary = self._servers["primary"].start()
        try:
            make_tables(self.primary)
            self._base_backup(directory / "b" / "postgres" / "data")
            self.replica = self._servers["replica"].start()
        except BaseException:
            self.stop()
            raise
        self.on_primary, self.on_replica = Query(self.primary), Query(self.replica)

    def both(self, *, replica_first: bool = False) -> str:
        """The address of both."""
        hosts = [str(parse_dsn(dsn)["host"]) for dsn in (self.primary, self.replica)]
        return make_dsn(self.primary, host=",".join(hosts[::-1] if replica_first else hosts))

    def _base_backup(self, target: Path) -> None:
        primary = self._servers["primary"]
        target.parent.mkdir(parents=True)
        user = primary._user
        user.own(target.parent)
        program = Path(primary.binaries) / "pg_basebackup"
        words = ["-h", primary.socket_directory, "-U", "vatwatch", "-D", target]
        words += ["-R", "-X", "stream", "-c", "fast", "-C", "-S", "replica"]
        command = [*user.command((target.parent, program.parent)), program, *words]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    def do(self, dsn: str, *statements: str) -> None:
        """Do what answers nothing."""
        conn = psycopg2.connect(dsn)
        conn.autocommit = True
        with conn.cursor() as cur:
            for statement in statements:
                cur.execute(statement)
        conn.close()

    # --- accidents

    def pause(self) -> None:
        """The replica goes on receiving, and applies nothing."""
        self.on_replica("SELECT pg_wal_replay_pause()")
        until(
            lambda: self.on_replica("SELECT pg_get_wal_replay_pause_state()") == [("paused",)],
            "the replay is paused",
        )

    def resume(self) -> None:
        """It applies what it has."""
        self.on_replica("SELECT pg_wal_replay_resume()")

    def disconnect(self) -> None:
        """The replica receives nothing any more."""
        self.do(self.replica, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        receivers = "SELECT 1 FROM pg_stat_wal_receiver"
        until(lambda: not self.on_replica(receivers), "the replica has stopped receiving")

    def promote(self) -> None:
        """The replica becomes a primary."""
        self.on_replica("SELECT pg_promote()")
        until(
            lambda: self.on_replica("SELECT pg_is_in_recovery()") == [(False,)],
            "the replica is promoted",
        )

    def kill(self, name: str) -> None:
        """No process of it is left."""
        found = self._processes(name)
        for process in found:
            process.kill()
        psutil.wait_procs(found)

    @contextmanager
    def stalled(self, name: str) -> Iterator[None]:
        """It takes connections, as the kernel does that, and answers nothing."""
        found = self._processes(name)
        for process in found:
            os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in found:
                os.kill(process.pid, signal.SIGCONT)

    def stop_server(self, name: str) -> None:
        """In order."""
        self._servers[name].stop()

    def start_server(self, name: str) -> None:
        """Again."""
        self._servers[name].start()

    def caught_up(self) -> None:
        """Wait until the replica has all that the primary has now."""
        (at,) = self.on_primary("SELECT pg_current_wal_lsn()")[0]
        until(
            lambda: self.on_replica("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", at)[0][0],
            "the replica has caught up",
        )

    def stop(self) -> None:
        """End both."""
        for server in reversed(self._servers.values()):
            server.stop()

    def _processes(self, name: str) -> list[psutil.Process]:
        pid = self._servers[name].pid
        assert pid is not None
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children(recursive=True)]


@contextmanager
def pair_in(directory: Path) -> Iterator[Pair]:
    """Both servers, for as long as they are needed."""
    pair = Pair(directory)
    try:
        yield pair
    finally:
        pair.on_primary.close()
        pair.on_replica.close()
        pair.stop()
        shutil.rmtree(directory, ignore_errors=True)
