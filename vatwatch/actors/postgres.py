"""Postgres: keeps the embedded cluster running while the service does.

Receives  GetDsn, WatchCluster
Sends     DatabaseReturned to store, history, keys and subscriptions,
          ServiceReport
Holds     the server's process
Restart   stops the cluster and starts it again
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, assert_never

from vatwatch.actors.service import Service
from vatwatch.errors import EmbeddedPostgresError
from vatwatch.messages import DatabaseReturned, GetDsn
from vatwatch.messages.postgres import ToPostgres
from vatwatch.messages.status import PostgresStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.supervision import Backoff, Tell

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchCluster(Tell):
    """Check whether the cluster still runs."""


Received: TypeAlias = ToPostgres | WatchCluster

WATCH_S = 0.5
# Delay before a server that died again soon after its start is started again.
BACKOFF = Backoff(base_s=0.2, cap_s=30.0)
HEALTHY_S = 60.0


class PostgresActor(Service):
    """Runs the embedded cluster, and starts it again when it has died."""

    def __init__(self, home: Path, *, bindir: Path | None, stop_timeout_s: float) -> None:
        super().__init__()
        self._cluster = EmbeddedPostgres(home, bindir=bindir)
        self._stop_timeout_s = stop_timeout_s
        self._dsn = ""
        self._started_at = 0.0
        self._restarts = 0
        self._attempt = 0
        self._reason = ""

    def on_start(self) -> None:
        # Not weather: if the very first start fails, the service cannot begin.
        self._dsn = self._cluster.start()
        self._started_at = monotonic()
        self.after(WATCH_S, WatchCluster())
        self._report()

    def on_stop(self) -> None:
        self._cluster.stop(self._stop_timeout_s)

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._cluster.stop(self._stop_timeout_s)

    def on_receive(self, message: Received) -> str | None:
        match message:
            case GetDsn():
                return self._dsn
            case WatchCluster():
                self._watch()
            case _:
                assert_never(message)
        return None

    def _watch(self) -> None:
        if self._cluster.running():
            self.after(WATCH_S, WatchCluster())
            return
        if monotonic() - self._started_at > HEALTHY_S:
            self._attempt = 0
        if not self._reason:
            log.warning("The embedded PostgreSQL has ended. It is being started again.")
        try:
            self._dsn = self._cluster.restart()
        except EmbeddedPostgresError as error:
            if str(error) != self._reason:
                log.warning("The embedded PostgreSQL does not start: %s", error)
            self._reason = str(error)
            self.after(max(WATCH_S, BACKOFF.delay(self._attempt, random.random)), WatchCluster())
            self._attempt += 1
        else:
            self._reason = ""
            self._restarts += 1
            self._started_at = monotonic()
            for name in ("store", "history", "keys", "subscriptions"):
                self.address(name).offer(DatabaseReturned())
            self.after(WATCH_S, WatchCluster())
        self._report()

    def _report(self) -> None:
        status = PostgresStatus(
            version=self._cluster.version,
            binaries=self._cluster.binaries,
            socket=self._cluster.socket_directory,
            running=self._cluster.running(),
            restarts=self._restarts,
        )
        health = Health.UNHEALTHY if self._reason else Health.HEALTHY
        self.report(health, self._reason, status)
