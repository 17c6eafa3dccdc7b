"""Asks a PostgreSQL server on a unix socket for its state.

libpq could do this, but it blocks in C and gives a server's refusal only as text. The answer to the
first message of the protocol has a code (PostgreSQL's documentation, chapter 55), and with gevent's
sockets other greenlets run meanwhile.
"""

from __future__ import annotations

import socket
import struct
from enum import Enum
from pathlib import Path

PROTOCOL_3_0 = 196608
SOCKET = ".s.PGSQL.5432"


class KnockResult(Enum):
    """The answer of a server on a unix socket to the first message of the protocol."""

    NOBODY = "nobody listens"
    SILENT = "no answer in time"
    BUSY = "it starts, recovers or stops, or has no connection left"
    READY = "it takes connections"


def knock(directory: Path, *, user: str, timeout_s: float) -> KnockResult:
    """Begin a session with the server whose socket is in `directory`, and end it again."""
    said = f"user\0{user}\0database\0postgres\0\0".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(directory / SOCKET))
        except TimeoutError:
            return KnockResult.SILENT
        except OSError:  # no socket, no server behind it, or its queue is full
            return KnockResult.NOBODY
        try:
            client.sendall(struct.pack("!ii", len(said) + 8, PROTOCOL_3_0) + said)
            first = client.recv(1)
        except TimeoutError:
            return KnockResult.SILENT
        except OSError:
            return KnockResult.NOBODY
    if not first:
        return KnockResult.NOBODY
    # R: authenticated, or a password is requested. E: an error; waiting does not help.
    return KnockResult.READY if first == b"R" else KnockResult.BUSY
