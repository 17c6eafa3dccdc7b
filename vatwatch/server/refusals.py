"""Answers to input that gunicorn cannot read as a request, and to failures outside the app."""

from __future__ import annotations

import socket
import time

import msgspec

from vatwatch.http.access_log import AccessEntry
from vatwatch.http.audit import printable
from vatwatch.http.bounds import plain_address
from vatwatch.http.problems import MEDIA_TYPE
from vatwatch.http.request_ids import HEADER
from vatwatch.redaction import redact
from vatwatch.server.gunicorn_log import write_down
from vatwatch.server.security_headers import secured

# How long to wait for a client that does not read the refusal.
SEND_TIMEOUT_S = 1.0
# gunicorn's, for a transfer coding that nobody uses. Anybody can send one; a 5xx is for our faults.
NOT_IMPLEMENTED = "501"


class Unsent:
    """Replaces a client's socket: it keeps what gunicorn would send."""

    def __init__(self) -> None:
        self._said = b""

    def gettimeout(self) -> float:
        """Like a socket that does not block; gunicorn asks before it writes."""
        return 0.0

    def sendall(self, data: bytes) -> None:
        """Keep it."""
        self._said += data

    @property
    def status(self) -> tuple[int, str]:
        """gunicorn's decision: `(400, "Bad Request")`."""
        if not self._said:
            return 500, "Internal Server Error"
        _, code, reason = self._said.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if code == NOT_IMPLEMENTED:
            return 400, "Bad Request"
        return int(code), reason


def refuse(client: socket.socket, unsent: Unsent, request_id: str, error: BaseException) -> None:
    """Send gunicorn's decision as a problem document with the request's id, like all others."""
    code, reason = unsent.status
    bug = "The service has a bug; its log says where."
    problem = {
        "type": "about:blank",
        "title": reason,
        "status": code,
        "detail": bug if code == 500 else printable(redact(str(error))),
        "request_id": request_id,
    }
    body = msgspec.json.encode({name: text for name, text in problem.items() if text})
    head = (
        f"HTTP/1.1 {code} {reason}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"{HEADER}: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        client.settimeout(SEND_TIMEOUT_S)
        client.sendall(secured(head.encode("latin-1")) + body)
    except OSError:
        return  # it has gone


def write_down_unread(client: str, unsent: Unsent, request_id: str) -> None:
    """Write the access line of an unreadable request, which has neither method nor target."""
    code, _ = unsent.status
    address = plain_address(client) or "-"
    write_down(AccessEntry(time.time(), address, "-", "-", code, 0, 0.0, "", request_id))
