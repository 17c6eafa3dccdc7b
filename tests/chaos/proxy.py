"""A small TCP proxy on loopback: cuts, delays and refuses connections for real."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress

import gevent
from gevent.server import StreamServer

CHUNK = 64 * 1024


class Proxy:
    """Forwards to a TCP address or a unix socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self._target = target
        self._delay_s = 0.0
        self._refusing = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port
        self.connections = 0
        """How many were passed on."""

    def cut(self) -> None:
        """Reset every connection there is; new ones are served."""
        for pair in list(self._pairs):
            for end in pair:
                with suppress(OSError):
                    # Linger of zero seconds: a reset, not a goodbye.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)

    def refuse(self, refusing: bool) -> None:
        """Close new connections at once, and cut those that there are."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def delay(self, seconds: float) -> None:
        """Hold up every piece of data for so long."""
        self._delay_s = seconds

    def stop(self) -> None:
        """End it, and all connections."""
        self._server.stop(timeout=0)
        self.cut()

    def _serve(self, client: socket.socket, _address: object) -> None:
        if self._refusing:
            client.close()
            return
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        self.connections += 1
        pair = (client, server)
        self._pairs.add(pair)
        ways = [gevent.spawn(self._forward, *pair), gevent.spawn(self._forward, *pair[::-1])]
        # When one way has ended the other has nothing to say either.
        gevent.joinall(ways, count=1)
        self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        gevent.joinall(ways)
        for end in pair:
            end.close()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target, timeout=5)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(self._target)
        except OSError:
            server.close()
            raise
        return server

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if self._delay_s:
                    gevent.sleep(self._delay_s)
                sink.sendall(data)
