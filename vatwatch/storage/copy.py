"""Rows into a table by COPY, the fastest way into PostgreSQL."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING

import msgspec
from gevent.monkey import get_original

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_native_poll: Callable[[], select.poll] = get_original("select", "poll")

_AS_JSON = "WITH (FORMAT csv, NULL 'null')"
_json = msgspec.json.Encoder()
# Characters that are sent at once. After each piece the thread waits for the interpreter, which may
# be busy: with psycopg2's own 8,192 that was forty times for the places of two thousand pilots.
PIECE = 1 << 18
# COPY's text format: these four end a value, a row, or begin an escape.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(
    cur: cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write rows. Values: None, bool, int, float, str, times and dates, list of str (text[])."""
    copy_text(cur, table, columns, "".join([_line(row) for row in rows]))


def copy_text(cur: cursor, table: str, columns: Sequence[str], text: str) -> None:
    """Write rows that are already in COPY's text format."""
    if text:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        cur.copy_expert(statement, _Source(text, cur.connection.fileno()), PIECE)


def copy_json(
    cur: cursor, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    """Write rows, thousands of them fast. Values: None, bool, int, finite float, str, UTC times.

    A line of JSON is one of CSV, but for its brackets and for what stands after a backslash.
    """
    lines = _json.encode_lines(rows)
    if b"\\" in lines:
        copy_rows(cur, table, columns, rows)
    elif lines:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN {_AS_JSON}"
        # A newline within a text would be escaped, so this is the end of a line and nothing else.
        content = lines.replace(b"]\n[", b"\n")[1:-2]
        cur.copy_expert(statement, _Source(content.decode(), cur.connection.fileno()), PIECE)


class _Source(StringIO):
    """The text for COPY; before its end it waits until the server accepts more.

    psycopg2 releases the interpreter's lock while it sends a piece, but holds it while it ends the
    COPY. With a stalled server whose buffers are full, that would stall the whole process.
    """

    def __init__(self, text: str, socket: int) -> None:
        super().__init__(text)
        self._socket = socket

    def read(self, size: int | None = -1, /) -> str:
        """The next piece; empty at the end, when there is room for what libpq still holds."""
        piece = super().read(size)
        if not piece:
            # gevent's own would make a hub in this native thread. The pool cuts the connection at
            # its deadline (pool.py), which ends the wait.
            poll = _native_poll()
            poll.register(self._socket, select.POLLOUT)
            poll.poll()
        return piece


def _line(row: Sequence[object]) -> str:
    return "\t".join([_value(value) for value in row]) + "\n"


def _value(value: object) -> str:
    match value:
        case None:
            return "\\N"
        case bool():
            return "t" if value else "f"
        case str():
            return value.translate(_ESCAPES)
        case datetime():
            return value.isoformat()
        case list():
            return _array(value).translate(_ESCAPES)
        case _:
            return str(value)


def _array(values: list[str]) -> str:
    """PostgreSQL's array literal; every element is quoted, so that none can be taken for NULL."""
    quoted = ['"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]
    return "{" + ",".join(quoted) + "}"


def stage(cur: cursor, name: str, definition: str) -> None:
    """An empty temporary table to copy into; created once a connection, emptied at each commit."""
    cur.execute("SELECT to_regclass(%s)", (f"pg_temp.{name}",))
    row = cur.fetchone()
    if row is None or row[0] is None:
        cur.execute(f"CREATE TEMP TABLE {name} ({definition}) ON COMMIT DELETE ROWS")
    else:
        # What the same transaction has copied into it before. Mostly nothing: that takes no time.
        cur.execute(f"DELETE FROM pg_temp.{name}")


def to_json(value: object) -> str:
    """A value as PostgreSQL's jsonb takes it."""
    return msgspec.json.encode(value).decode()
