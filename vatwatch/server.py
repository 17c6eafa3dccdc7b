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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from vatwatch import __version__
from vatwatch.errors import ConfigurationError, VatwatchError
from vatwatch.http.access import Access
from vatwatch.http.app import create_app
from vatwatch.http.rates import Rate
from vatwatch.http.service import Service
from vatwatch.redaction import shown_address
from vatwatch.storage.directory_lock import DirectoryLock, Held
from vatwatch.storage.first_look import check_database
from vatwatch.system import build, settle
from vatwatch.wiring import secret

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings
    from vatwatch.config.vatsim import Vatsim
    from vatwatch.supervision import Tree

log = logging.getLogger(__name__)

# An idle keep-alive connection delays the exit by as much.
KEEPALIVE_S = 2
BEAT_S = 1.0


def serve(settings: Settings) -> None:
    """Run until a signal ends it. Raises ConfigurationError if the port or the home is taken."""
    _check_port(settings.web.host, settings.web.port)
    _check_home(settings.general.home)
    check_database(settings.database, settings.general.home)
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
        self._serving = False
        self._refusal = ""
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "bind": f"{settings.web.host}:{settings.web.port}",
            "workers": settings.web.workers,
            "worker_class": "gevent",
            "proc_name": "vatwatch",
            "timeout": settings.resources.hub_timeout_s,
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
            self._tree = build(
                self._settings, on_exhausted=_give_up, on_refused=self._leave_for_good
            )
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
                redis_url=secret(settings.cache.redis_url) or "",
            ),
            faults_allowed=settings.access.faults,
            read_rate=None
            if settings.access.read_rate is None
            else Rate(settings.access.read_rate),
            trusted_proxies=settings.access.trusted_proxies,
        )

    def _start_tree(self, worker: Any) -> None:
        assert self._tree is not None
        settings = self._settings
        log.info("vatwatch %s starts, with its data in %s", __version__, settings.general.home)
        # The worker is not in its loop yet, and a cluster may have to recover from a crash.
        beat = gevent.spawn(_beat, worker)
        try:
            self._tree.start()
        except VatwatchError as error:
            _refuse(error)
        finally:
            beat.kill()
        self._serving = True
        settle()
        log.info(
            "collecting %s every %g s into %s",
            _feeds(settings.vatsim),
            settings.vatsim.poll_interval_s,
            "the embedded PostgreSQL" if settings.database.is_embedded else "PostgreSQL",
        )
        log.info(
            "serving http://%s/api/status (Ctrl-C stops)",
            _authority(settings.web.host, settings.web.port),
        )

    def _stop_tree(self, _server: object, _worker: object) -> None:
        if self._tree is not None and self._serving:
            log.info("stopping: what has been fetched is written first")
            in_order = self._tree.stop(self._settings.service.shutdown_timeout_s)
            log.info("stopped" if in_order else "stopped, not all of it in time: see above")
        if self._refusal:
            _refuse(self._refusal)

    def _leave_for_good(self, why: str) -> None:
        """The database is of no use to this version: another worker would find the same."""
        if not self._refusal:
            self._refusal = why
            os.kill(os.getpid(), signal.SIGTERM)


def _feeds(vatsim: Vatsim) -> str:
    if vatsim.api_url is not None:
        return shown_address(vatsim.api_url)
    return f"the feeds that {shown_address(vatsim.status_url)} lists"


def _authority(host: str, port: int) -> str:
    """As it can be put into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound here
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _beat(worker: Any) -> None:
    """Tell the master that the worker lives, as its loop will do later."""
    while True:
        worker.notify()
        gevent.sleep(BEAT_S)


def _refuse(error: VatwatchError | str) -> None:
    """Say why in one line, and end the master too: it would only try the same again."""
    sys.stderr.write(f"vatwatch: {error}\n")
    sys.exit(Arbiter.APP_LOAD_ERROR)


def _give_up(why: str) -> None:
    """The root has given up, or memory runs out: leave in order; the master starts another one."""
    log.error("the worker is replaced: %s", why)
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


def _check_home(home: Path) -> None:
    """See whether somebody has the home already: the parts would say it too, with tracebacks."""
    for part in ("postgres", "journal"):
        try:
            DirectoryLock(home / part).look()
        except OSError:
            continue  # not there yet, or the part itself will say what is wrong with it
        except Held as held:
            raise ConfigurationError(
                f"{home / part} is in use by process {held.holder}. Is vatwatch running already? "
                "Stop it, or give this one another VATWATCH_HOME."
            ) from held
