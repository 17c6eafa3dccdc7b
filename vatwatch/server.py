"""gunicorn around the service: the tree starts in the worker and stops there, in reverse.

The master holds the socket and restarts a worker that dies; nothing of vatwatch runs in it.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from vatwatch.errors import ConfigurationError, VatwatchError
from vatwatch.http.access import Access
from vatwatch.http.app import create_app
from vatwatch.http.service import Service
from vatwatch.system import build

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings
    from vatwatch.supervision import Tree

log = logging.getLogger(__name__)

# An idle keep-alive connection delays the exit by as much.
KEEPALIVE_S = 2
# A worker whose hub has been blocked for so long is killed by the master, and replaced.
HUB_TIMEOUT_S = 60
BEAT_S = 1.0


def serve(settings: Settings) -> None:
    """Run until a signal ends it. Raises ConfigurationError if the port is taken."""
    _check_port(settings.web.host, settings.web.port)
    _Application(settings).run()


class _Logger(Logger):  # type: ignore[misc]
    """Without the master's three lines about a worker that has said itself why it refuses."""

    _refused = False

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._refused |= "exited with code" in msg and Arbiter.APP_LOAD_ERROR in args
        if not self._refused:
            super().error(msg, *args, **kwargs)


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tree: Tree | None = None
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": f"{settings.web.host}:{settings.web.port}",
            "workers": settings.web.workers,
            "worker_class": "gevent",
            "proc_name": "vatwatch",
            "timeout": HUB_TIMEOUT_S,
            "graceful_timeout": int(settings.service.shutdown_timeout_s),
            "keepalive": KEEPALIVE_S,
            "loglevel": "warning",
            "logger_class": _Logger,
            "control_socket_disable": True,
            "post_worker_init": self._start_tree,
            "worker_exit": self._stop_tree,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In the worker: make the app. The tree behind it starts a moment later."""
        try:
            self._tree = build(self._settings, on_exhausted=_give_up)
        except VatwatchError as error:
            _refuse(error)
        assert self._tree is not None
        return create_app(self._service(self._tree))

    def _service(self, tree: Tree) -> Service:
        settings = self._settings
        return Service(
            tree=tree,
            started_at=datetime.now(UTC),
            access=Access(
                [key.get_secret_value() for key in settings.access.api_keys],
                rate=settings.access.write_rate,
                audit_log=settings.general.home / "audit.log",
            ),
            faults_allowed=settings.access.faults,
        )

    def _start_tree(self, worker: Any) -> None:
        assert self._tree is not None
        # The worker is not in its loop yet, and a cluster may have to recover from a crash.
        beat = gevent.spawn(_beat, worker)
        try:
            self._tree.start()
        except VatwatchError as error:
            _refuse(error)
        finally:
            beat.kill()
        log.info(
            "vatwatch serves http://%s:%s/api/status",
            self._settings.web.host,
            self._settings.web.port,
        )

    def _stop_tree(self, _server: object, _worker: object) -> None:
        if self._tree is not None:
            self._tree.stop(self._settings.service.shutdown_timeout_s)


def _beat(worker: Any) -> None:
    """Tell the master that the worker lives, as its loop will do later."""
    while True:
        worker.notify()
        gevent.sleep(BEAT_S)


def _refuse(error: VatwatchError) -> None:
    """Say why in one line, and end the master too: it would only try the same again."""
    sys.stderr.write(f"vatwatch: {error}\n")
    sys.exit(Arbiter.APP_LOAD_ERROR)


def _give_up(why: str) -> None:
    """The root supervisor has given up: leave in order, and let the master start another worker."""
    log.error("the tree has given up, the worker is replaced: %s", why)
    os.kill(os.getpid(), signal.SIGTERM)


def _check_port(host: str, port: int) -> None:
    """See whether the port is free: gunicorn itself would try for five seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror}. Is vatwatch running already? "
                "Stop it, or choose another port with --port or PORT."
            ) from error
