"""The service in its worker process: the supervision tree and the HTTP API."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from socket import gethostname
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from gunicorn.arbiter import Arbiter

from vatwatch import __version__
from vatwatch.actors.traffic_options import read_options
from vatwatch.errors import VatwatchError
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.in_process import InProcess
from vatwatch.http.rates import RateLimit
from vatwatch.listening import authority, listen
from vatwatch.logs import apply_log_settings, keep_log_files
from vatwatch.logs.files import AUDIT
from vatwatch.messages import ReloadOrdered, TellReload
from vatwatch.redaction import shown_address
from vatwatch.server.descriptors import OTHER_CONNECTIONS, room_for_streams
from vatwatch.server.gunicorn_log import GunicornLog
from vatwatch.server.kept_settings import KeptSettings, SharedLogSettings
from vatwatch.server.master import STOP_MARGIN_S, Master, SignalledApplication
from vatwatch.server.worker import Worker
from vatwatch.storage.first_look import check_database
from vatwatch.storage.home import take_home
from vatwatch.storage.node_home import take_node_home
from vatwatch.system import build
from vatwatch.wiring import POSTGRES_STOP_S, Membership

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from vatwatch.config.settings import Settings
    from vatwatch.config.vatsim import VatsimSettings
    from vatwatch.storage.directory_lock import DirectoryLock
    from vatwatch.storage.node_home import NodeHome
    from vatwatch.supervision import Tree
    from vatwatch.traffic.pipeline import Options

log = logging.getLogger(__name__)

# An idle keep-alive connection delays the exit by at most this.
KEEPALIVE_S = 2
# How long the tree may still take to stop after it was told to hurry.
HURRY_S = 2.0
# How many objects more than before there may be until Python looks for circles among them. At its
# own 700 it looks 17 times a snapshot of 2,000 pilots, which makes as many objects as it frees and
# no circle: 10 ms, and 30 ms more in each full collection. So many take a few megabytes.
YOUNG_OBJECTS = 20_000
# Minimum time for the tree to stop, if the requests have taken long.
LEAST_STOP_S = 1.0


def serve(settings: Settings) -> None:
    """Run until a signal ends it. Raises ConfigurationError if the port or the home is taken."""
    home = None
    if settings.is_shared:
        # Each worker takes one of its own, there or in it.
        settings.general.home.mkdir(parents=True, exist_ok=True)
    else:
        home = take_home(settings.general.home, leaving_s=_leaving_s(settings))
    keep_log_files(settings.general.home, settings.logs)
    listener = listen(
        settings.web.host,
        settings.web.port,
        what_else="Is vatwatch running already? "
        "Stop it, or choose another port with --port or PORT.",
    )
    check_database(settings.database, settings.general.home)
    _Application(settings, listener, home).run()


def _leaving_s(settings: Settings) -> float:
    """How long a service may take to leave its home."""
    return settings.service.shutdown_timeout_s + STOP_MARGIN_S + POSTGRES_STOP_S


class _Application(SignalledApplication):
    def __init__(
        self, settings: Settings, listener: socket.socket, home: DirectoryLock | None
    ) -> None:
        self._settings = settings
        self._stream_clients = room_for_streams(
            settings.web.stream_clients, settings.database.max_connections
        )
        self._listener = listener
        self._home = home
        self._node: NodeHome | None = None
        self._answers = InProcess()
        self._tree: Tree | None = None
        self._service: AppContext | None = None
        self._started = False
        self._refusal = ""
        self._kept = KeptSettings()
        self._log_settings = SharedLogSettings()
        self.signals: SimpleQueue[int] = SimpleQueue()
        """The master's; see Worker."""
        super().__init__()

    def run(self) -> None:
        """In the master, until the end."""
        Master(
            self,
            self._listener,
            self._home,
            most_workers=self._settings.service.max_workers if self._settings.is_shared else 1,
        ).run()

    def follow_settings(self) -> None:
        """In the master: write its own lines as the worker's settings are now."""
        changed = self._log_settings.changed()
        if changed is not None:
            apply_log_settings(changed)

    def load_config(self) -> None:
        settings = self._settings
        for name, value in {
            "workers": settings.web.workers,
            "worker_class": Worker,
            "proc_name": "vatwatch",
            "timeout": settings.resources.hub_timeout_s,
            "graceful_timeout": max(1, int(settings.service.shutdown_timeout_s)),
            "keepalive": KEEPALIVE_S,
            "worker_connections": self._stream_clients + OTHER_CONNECTIONS,
            # Which proxies are trusted is a setting of ours, judged in http/bounds.py.
            "forwarded_allow_ips": "",
            "loglevel": "warning",
            "logger_class": GunicornLog,
            "control_socket_disable": True,
            "post_worker_init": self._start_tree,
            "worker_exit": self._stop_tree,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In the worker: make the app. The tree behind it starts a moment later."""
        kept = self._kept.kept()
        try:
            if kept is None:
                settings = self._settings
                kept = settings, read_options(settings.traffic, settings.contacts)
            self._settings, options = kept
            if self._settings.is_shared:
                self._node = take_node_home(
                    self._settings.general.home,
                    of_one=self._settings.web.workers == 1,
                    leaving_s=_leaving_s(self._settings),
                )
                keep_log_files(self._node.path, self._settings.logs)
            self._tree = build(
                *kept,
                on_exhausted=_give_up,
                on_refused=self._leave_for_good,
                on_settings=self._use,
                home=self._home_path,
                member=self._membership(),
            )
        except VatwatchError as error:
            _refuse(error)
        assert self._tree is not None
        self._kept.keep(self._settings, options)
        apply_log_settings(self._settings.logs)
        self._log_settings.give(self._settings.logs)
        self._service = self._make_service(self._tree)
        app = create_app(self._service)
        self._answers.app = app
        return app

    @property
    def _home_path(self) -> Path:
        return self._settings.general.home if self._node is None else self._node.path

    def _membership(self) -> Membership | None:
        return None if self._node is None else Membership(self._node.name, self._answers.answer)

    def _use(self, settings: Settings, options: Options) -> None:
        """Apply changed settings to the process: log, HTTP API, secrets. The tree gets them by
        messages."""
        self._settings = settings
        self._kept.keep(settings, options)
        apply_log_settings(settings.logs)
        self._log_settings.give(settings.logs)
        if self._service is not None:
            self._service.use(settings)

    def _make_service(self, tree: Tree) -> AppContext:
        settings = self._settings
        redis = settings.cache.redis_url
        redis_url = "" if redis is None else redis.get_secret_value()
        return AppContext(
            tree=tree,
            started_at=datetime.now(UTC),
            authorization=WriteAuthorization(
                [key.get_secret_value() for key in settings.access.api_keys],
                rate=settings.access.write_rate,
                audit_log=self._home_path / AUDIT,
                redis_url=redis_url,
            ),
            redis_url=redis_url,
            faults_allowed=settings.access.faults,
            read_rate=None
            if settings.access.read_rate is None
            else RateLimit(settings.access.read_rate),
            key_rate=None
            if settings.access.key_rate is None
            else RateLimit(settings.access.key_rate),
            public_reads=settings.access.public_reads,
            keeps_errors=settings.errors.enabled,
            cors_origins=settings.access.cors_origins,
            trusted_proxies=settings.access.trusted_proxies,
            stream_clients=self._stream_clients,
            stream_clients_per_address=settings.web.stream_clients_per_address,
            node=gethostname() if self._node is None else self._node.name,
        )

    def _start_tree(self, worker: Worker) -> None:
        """Start the tree. If a signal comes first, stop the part that has been started."""
        assert self._tree is not None
        settings = self._settings
        log.info("vatwatch %s starts, with its data in %s", __version__, self._home_path)
        # The worker's loop does not run yet, and a cluster may have to recover from a crash.
        beat = gevent.spawn(worker.beat)
        self._started = True
        worker.before_exit = partial(self._stop_tree, None, worker)
        worker.on_reload = self._order_reload
        worker.client_timeout_s = settings.web.client_timeout_s
        if self._service is not None:
            worker.on_stop = self._service.stop
        try:
            starting = gevent.spawn(_start, self._tree)
            either: list[gevent.Greenlet[..., Any] | Event] = [starting, worker.stop_ordered]
            gevent.wait(either, count=1)
        finally:
            beat.kill()
        if worker.stop_ordered.is_set():
            return
        failure = starting.get()
        if failure is not None:
            self._started = False
            _refuse(failure)
        freeze_startup_objects()
        self._greet()

    def _order_reload(self) -> None:
        """SIGHUP: have the settings read again."""
        log.info("SIGHUP: the settings are read again.")
        if self._tree is not None:
            self._tree.directory.address("config_watcher").tell(ReloadOrdered())
            if self._node is not None:
                self._tree.directory.address("nodes").tell(TellReload())

    def _greet(self) -> None:
        settings = self._settings
        log.info(
            "collecting %s every %g s into %s"
            if self._node is None
            else "one of several nodes: if no other one does, collecting %s every %g s into %s",
            _feeds(settings.vatsim),
            settings.vatsim.poll_interval_s,
            "the embedded PostgreSQL" if settings.database.is_embedded else "PostgreSQL",
        )
        log.info(
            "serving http://%s/api/status (Ctrl-C stops)",
            authority(settings.web.host, settings.web.port),
        )

    def _stop_tree(self, _server: object, worker: Worker) -> None:
        """Stop the tree, whatever has ended the worker (except a kill)."""
        if self._tree is None or not self._started:
            return
        self._started = False
        log.info("stopping: what has been fetched is written first")
        worker.order_stop()  # if it has not been ordered, the clock starts now
        if self._node is not None:
            self._node.lock.say_stopping()
        stopping = gevent.spawn(self._tree.stop, max(LEAST_STOP_S, worker.time_left_s()))
        either: list[gevent.Greenlet[..., Any] | Event] = [stopping, worker.hurried]
        gevent.wait(either, count=1)
        stopping.join(None if not worker.hurried.is_set() else HURRY_S)
        log.info(
            "stopped" if stopping.value else "stopped; some parts did not stop in time, see above"
        )
        if self._refusal:
            _refuse(self._refusal)

    def _leave_for_good(self, why: str) -> None:
        """End the service, because this version cannot use the database; another worker would find
        the same."""
        if not self._refusal:
            self._refusal = why
            os.kill(os.getpid(), signal.SIGTERM)


def _feeds(vatsim: VatsimSettings) -> str:
    if vatsim.api_url is not None:
        return shown_address(vatsim.api_url)
    return f"the feeds that {shown_address(vatsim.status_url)} lists"


def freeze_startup_objects() -> None:
    """Exclude the objects of the start from garbage collection, since they live until the end.

    Otherwise each full collection walks through all of them and holds the hub for 40 ms. The young
    are looked at more rarely, too: see `YOUNG_OBJECTS`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _start(tree: Tree) -> VatwatchError | None:
    """Runs in its own greenlet, in which an exception would be printed as a bug."""
    try:
        tree.start()
    except VatwatchError as error:
        return error
    return None


def _refuse(error: VatwatchError | str) -> None:
    """Log the reason in one line, and end the master, too, which would only try the same again."""
    sys.stderr.write(f"vatwatch: {error}\n")
    sys.exit(Arbiter.APP_LOAD_ERROR)


def _give_up(why: str) -> None:
    """Stop this worker in order, because the root has given up or memory runs out; the master
    starts another one.

    Called in the hub, which must not wait, not even for the log.
    """
    gevent.spawn(_leave, why)


def _leave(why: str) -> None:
    log.error("The worker is replaced: %s", why)
    os.kill(os.getpid(), signal.SIGTERM)
