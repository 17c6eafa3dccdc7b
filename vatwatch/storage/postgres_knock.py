"""Knock at a PostgreSQL server on a unix socket, and hear how it is.

libpq would do it, but it blocks in C, and says why a server refuses in words only. The answer to
the first message of the protocol has a code (PostgreSQL's documentation, chapter 55), and gevent's
sockets let others run while it comes.
"""

from __future__ import annotations

import socket
import struct
from enum import Enum
from pathlib import Path

PROTOCOL_3_0 = 196608
SOCKET = ".s.PGSQL.5432"


class KnockResult(Enum):
    """What a server on a unix socket answers to the first message of the protocol."""

    NOBODY = "nobody listens"
    SILENT = "no answer in time"
    BUSY = "it starts, recovers or stops, or has no place left"
    READY = "it takes connections"


def knock(directory: Path, *, user: str, timeout_s: float) -> KnockResult:
    """Begin a session with the server whose socket is in `directory`, and leave again."""
    said = f"user\0{user}\0database\0postgres\0\0".encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(directory / SOCKET))
        except TimeoutError:
            return KnockResult.SILENT
        except OSError:  # no socket, or nobody behind it; or the queue before it is full
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
    # R: authenticated, or asked for a password. E: an error, which does not pass by waiting less.
    return KnockResult.READY if first == b"R" else KnockResult.BUSY
