"""COPY of all sizes into a server that stops reading: who waits must not hold the interpreter.

Run in a process of its own, as one that fails stands still:

    python -m tests.storage.standing_still DSN DIRECTORY

Between the two is a relay in a child process that passes on nothing more once a COPY has begun.
Prints how many sizes were tried.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection, make_dsn, parse_dsn

from vatwatch.storage.copy import copy_text

SOCKET = ".s.PGSQL.5432"
# The sizes are on both sides of what the socket holds; libpq sends pieces of 8 kB.
BUFFER = 64 * 1024
SIZES = range(BUFFER // 2, 5 * BUFFER, 4096)
LOOK_S = 0.05


def relay(path: str, target: str) -> None:
    """One connection after another, for as long as the parent lives."""
    parent = os.getppid()
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(LOOK_S)
    listener.bind(path)
    listener.listen()
    while os.getppid() == parent:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        server = socket.socket(socket.AF_UNIX)
        server.connect(target)
        _pass_on(client, server, parent)
        client.close()
        server.close()
    os._exit(0)


def _pass_on(client: socket.socket, server: socket.socket, parent: int) -> None:
    gone = select.poll()
    gone.register(client, select.POLLHUP)
    stands = False
    while os.getppid() == parent:
        ready, _, _ = select.select([server] if stands else [client, server], [], [], 0.01)
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            stands |= source is client and b"COPY" in data
            (server if source is client else client).sendall(data)
        if stands and gone.poll(0):
            return


def copy_in_vain(conn: connection, size: int) -> None:
    """Let a thread copy so much, and cut the connection a moment later; never comes back if that
    thread holds the interpreter."""
    with conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE lines (line text)")
        conn.commit()

        def copy() -> None:
            with suppress(psycopg2.Error):
                copy_text(cur, "lines", ["line"], ("x" * 99 + "\n") * (size // 100))

        thread = threading.Thread(target=copy)
        twin = socket.fromfd(conn.fileno(), socket.AF_UNIX, socket.SOCK_STREAM)
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        thread.start()
        time.sleep(LOOK_S)
        twin.shutdown(socket.SHUT_RDWR)
        twin.close()
        thread.join()


def main(dsn: str, directory: str) -> None:
    """See above."""
    path = f"{directory}/{SOCKET}"
    child = os.fork()
    if not child:
        relay(path, f"{parse_dsn(dsn)['host']}/{SOCKET}")
    try:
        while not Path(path).exists():
            time.sleep(LOOK_S)
        for size in SIZES:
            conn = psycopg2.connect(make_dsn(dsn, host=directory))
            copy_in_vain(conn, size)
            conn.close()
        print(len(SIZES))
    finally:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
