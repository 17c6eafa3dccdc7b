"""The worker: gunicorn's, with signals for a service that must stop in order."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, cast

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidHeader
from gunicorn.workers.ggevent import GeventWorker

from vatwatch.counting import counted
from vatwatch.logs.context import WorkIds, current_request_id, new_request_id, work_on
from vatwatch.server.gunicorn_log import GunicornLog
from vatwatch.server.master import SignalledApplication
from vatwatch.server.one_piece import OnePiece
from vatwatch.server.quick_response import QuickResponse
from vatwatch.server.refusals import Unsent, refuse, write_down_unread

log = logging.getLogger(__name__)

BEAT_S = 1.0
# Of the time that stopping may take: requests in hand get this share, writing gets the rest.
REQUESTS_SHARE = 0.5
POLL_S = 0.05


class Worker(GeventWorker):
    """Serves until it is told to stop, or its master has ended."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stop_ordered = Event()
        self.hurried = Event()
        self.stop_began = 0.0
        self.before_exit: Callable[[], None] = lambda: None
        self.client_timeout_s: float | None = None
        """How long a client may take to send a body, or to take an answer; None: no limit."""
        self.on_reload: Callable[[], None] = lambda: None
        """What SIGHUP orders."""
        self.on_stop: Callable[[], None] = lambda: None
        """Ends, at once, what would go on for as long as its client wants."""

    def init_process(self) -> None:
        """As gunicorn does, with settings that are quick to look up: each request needs twenty."""
        vars(self.cfg).update({name: each.get() for name, each in self.cfg.settings.items()})
        # gunicorn has no setting for it; this process serves nothing else.
        wsgi.Response = QuickResponse  # type: ignore[misc]
        super().init_process()

    def init_signals(self) -> None:
        """Handlers that run in a greenlet each: they may log, and interrupt nothing."""
        super().init_signals()
        # A terminal sends it to the master too, which turns it into SIGTERM. A handler, as what is
        # ignored would be ignored by every process that we start.
        signal.signal(signal.SIGINT, lambda _signal, _frame: None)
        gevent.signal_handler(signal.SIGTERM, self.order_stop)
        gevent.signal_handler(signal.SIGQUIT, self._hurry)
        gevent.signal_handler(signal.SIGHUP, lambda: self.on_reload())
        for other in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU):
            gevent.signal_handler(other, log.debug, "%s is ignored", other.name)
        self._hear_what_came_before()

    def _hear_what_came_before(self) -> None:
        """Since the fork the master's handlers were ours, and put signals into a copy of its queue.

        What was in there before was for the master, and comes to the same: it stops us.
        """
        assert isinstance(self.app, SignalledApplication)
        queue, came = self.app.signals, set()
        while not queue.empty():
            came.add(queue.get_nowait())
        if signal.SIGTERM in came:
            self.order_stop()
        if signal.SIGQUIT in came:
            self._hurry()

    def order_stop(self) -> None:
        """Stop in order."""
        if not self.stop_ordered.is_set():
            self.alive = False
            self.stop_began = monotonic()
            self.stop_ordered.set()
            self.on_stop()

    def time_left_s(self, share: float = 1.0) -> float:
        """The time that stopping may take, or a share of it."""
        limit_s: float = share * self.cfg.graceful_timeout
        return max(0.0, self.stop_began + limit_s - monotonic())

    def notify(self) -> None:
        """Tell the master that the hub runs. Without a master, stop."""
        self.tmp.notify()
        if self.alive and self.ppid != os.getppid():
            log.error("The master process has ended, so this worker stops.")
            self.order_stop()

    def run(self) -> None:
        """Serve until told to stop, then answer the requests in hand."""
        servers = [self._serve(listener) for listener in self.sockets]
        while self.alive:
            self.notify()
            self.stop_ordered.wait(BEAT_S)
        for server in servers:
            server.close()
        while (
            self._busy(servers) and self.time_left_s(REQUESTS_SHARE) and not self.hurried.is_set()
        ):
            self.notify()
            gevent.sleep(POLL_S)
        busy = self._busy(servers)
        if busy:
            log.warning(
                "Stopping: %s closed without an answer.",
                counted(busy, "connection is", "connections are"),
            )
            for server in servers:
                server.stop(timeout=0)
        # Not only in gunicorn's worker_exit: by then nothing tells the master that the hub runs,
        # and stopping may take longer than a hub may be blocked.
        beat = gevent.spawn(self.beat)
        try:
            self.before_exit()
        finally:
            beat.kill()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it is closed."""
        super().handle(listener, cast("socket.socket", OnePiece(client)), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request, with the head and the body in one piece.

        Its head must have come within gunicorn's `keepalive`. From here on `client_timeout_s`
        counts: a client that is slow on purpose must not keep its place.
        """
        sock.begin()
        sock.settimeout(self.client_timeout_s)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            log.debug("A client did not take its answer within %g s.", self.client_timeout_s)
            # As if it had gone: gunicorn would log a traceback for anything else.
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from None
        finally:
            sock.end()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer input that is not a valid request, or a failure outside the app."""
        request_id = current_request_id() or new_request_id()
        work_on(WorkIds(request_id))
        unsent = Unsent()
        address = addr[0] if addr else ""
        assert isinstance(self.log, GunicornLog)
        self.log.unread = f"{type(exc).__name__}, from {address or 'a socket'}"
        unread = req is None
        if isinstance(exc, InvalidHeader):
            # gunicorn would write its own access line of the half-read request, and fail at it.
            exc.req = None
        try:
            # It has the socket methods that gunicorn uses here.
            super().handle_error(req, cast("socket.socket", unsent), addr, exc)
        finally:
            self.log.unread = ""
        if unread:
            write_down_unread(address, unsent, request_id)
        refuse(client, unsent, request_id, exc)

    def beat(self) -> None:
        """Keep telling the master that the worker lives, while its loop does not run."""
        while True:
            self.notify()
            gevent.sleep(BEAT_S)

    def _serve(self, listener: Any) -> StreamServer:
        listener.setblocking(1)
        handle = partial(self.handle, listener)
        server = StreamServer(listener, handle=handle, spawn=Pool(self.worker_connections))
        server.start()
        return server

    def _busy(self, servers: list[StreamServer]) -> int:
        pools = [server.pool for server in servers if server.pool is not None]
        return sum(len(pool) for pool in pools)

    def _hurry(self) -> None:
        self.order_stop()
        self.hurried.set()
