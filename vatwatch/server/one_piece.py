"""The head of an answer goes out with its body: one call of the system, and one packet, fewer."""

from __future__ import annotations

from typing import Any

from vatwatch.server.security_headers import secured

# What is longer goes out after the head: to copy it would cost more than the call.
JOINED_BYTES = 32 * 1024


class OnePiece:
    """The connection of a client, which holds the head of an answer back until its body comes.

    gunicorn sends each by a `sendall` of its own. Everything else is the socket's.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._head = b""
        self.recv = sock.recv
        self.sendall = sock.sendall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def begin(self) -> None:
        """The next that is sent is the head of an answer."""
        self.sendall = self._hold

    def end(self) -> None:
        """The answer is over. Sends a head without a body; raises OSError as `sendall` does."""
        self.sendall = self._sock.sendall
        if self._head:
            head, self._head = self._head, b""
            self.sendall(head)

    def _hold(self, head: bytes) -> None:
        self._head = secured(head)
        self.sendall = self._send_with_head

    def _send_with_head(self, body: bytes) -> None:
        if len(body) > JOINED_BYTES:
            self.end()
            self.sendall(body)
            return
        piece, self._head = self._head + body, b""
        self.end()
        # Nearly always all of it fits, and `sendall` would first look how it is best cut.
        sent = self._sock.send(piece)
        if sent < len(piece):
            self.sendall(piece[sent:])
