"""Rows that say from which snapshot to which something was so: contacts, stays in sectors.

A row is a run of snapshots that show one thing (its *key*): `started` is the first of them, `ended`
the last, or null while it lasts. The module does what all such tables need:

- `write_spans` writes what a snapshot changes, in order or late. What the caller hands in for a
  late snapshot is the same as for one in order: `began` and `ended` against the state before it,
  and all that are `present`.
- `pass_on` gives rows to who owned their time, when flights or sessions were derived again.
- `rewrite_spans` makes the rows what some snapshots show, when that is found again.

After a late snapshot the times are at once what they would be if all had come in order. Columns
that say more than times (a closest distance, an altitude at the end) may not be: whoever owns the
table computes them when the flight is derived again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from vatwatch.storage.copy import copy_rows, stage

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

Key = tuple[Any, ...]
_Row = dict[str, Any]
# Before any snapshot.
_NEVER = "-infinity"


class SpanTable(Struct, frozen=True):
    """A table of spans. Columns are given with their types; no two are called the same."""

    name: str
    key: dict[str, str]
    started: str
    ended: str
    values: dict[str, str]
    """What a row has from its begin on."""
    least: dict[str, str] = {}
    """Of these the least counts, of all snapshots that the row spans."""
    at_end: dict[str, str] = {}
    """What the last snapshot that shows it says; null while it lasts."""

    @property
    def columns(self) -> list[str]:
        """The order of the values in the rows of `began` and `present`."""
        return [*self.key, *self.values, *self.least]


class Ownership(NamedTuple):
    """Who owned a time, from one snapshot to another one, both included."""

    owner: int
    first: datetime
    last: datetime


class SnapshotRun(NamedTuple):
    """Stored snapshots that follow each other, and those beside them; `after` is None if the last
    one is the newest of all."""

    before: datetime
    times: tuple[datetime, ...]
    after: datetime | None


def write_spans(
    cur: cursor,
    table: SpanTable,
    times: tuple[datetime, datetime | None, datetime | None],
    *,
    began: Sequence[Sequence[object]],
    ended: Sequence[Sequence[object]],
    present: Iterable[Sequence[object]],
) -> None:
    """Write what one snapshot changes.

    Args:
        cur: of the writer's transaction
        table: the table
        times: the snapshot's, that of the stored one before it, and of the one after it if the
            snapshot is late
        began: rows with `table.columns`, of what the snapshot before does not show
        ended: rows with the key and `table.at_end` (as of the snapshot before), of what this one
            does not show
        present: of a late snapshot: rows with `table.columns` and `table.at_end` (as of this one),
            of all that it shows. It is not looked at otherwise
    """
    time, before, following = times
    if following is not None:
        _write_late(cur, table, (time, before, following), ended, present)
        return
    copy_rows(cur, table.name, [*table.columns, table.started], [(*row, time) for row in began])
    if ended:
        _stage(cur, table, "ended", [*table.key, *table.at_end], ended)
        at_end = "".join(f", {name} = s.{name}" for name in table.at_end)
        cur.execute(
            f"""UPDATE {table.name} t SET {table.ended} = %s{at_end} FROM {_staged(table, "ended")}
                WHERE {_same(table, "t")} AND t.{table.ended} IS NULL""",
            (before,),
        )


def _write_late(
    cur: cursor,
    table: SpanTable,
    times: tuple[datetime, datetime | None, datetime],
    ended: Sequence[Sequence[object]],
    present: Iterable[Sequence[object]],
) -> None:
    time, before, following = times
    name, start, end = table.name, table.started, table.ended
    values = {"time": time, "before": before or _NEVER, "next": following}
    _stage(cur, table, "ended", [*table.key, *table.at_end], ended)
    _stage(cur, table, "present", [*table.columns, *table.at_end], list(present))
    at_before = f"t.{start} <= %(before)s AND (t.{end} IS NULL OR t.{end} >= %(before)s)"
    spans = f"t.{start} <= %(before)s AND (t.{end} IS NULL OR t.{end} >= %(next)s)"
    starts_after = f"{{}}.{start} > %(before)s AND {{}}.{start} <= %(next)s"
    least = "".join(f", {c} = least(t.{c}, s.{c})" for c in table.least)
    least_of_three = "".join(f", {c} = least(t.{c}, s.{c}, b.{c})" for c in table.least)
    same, both = _same(table, "t"), _same(table, "b")
    kept = ", ".join([*table.key, *table.values, *table.least])
    here, gone = _staged(table, "present"), _staged(table, "ended")
    statements = [
        # What it does not show, though both neighbours do, is cut in two.
        f"""INSERT INTO {name} ({kept}, {", ".join([*table.at_end, start, end])})
            SELECT {", ".join(f"t.{c}" for c in (*kept.split(", "), *table.at_end))},
                   %(next)s, t.{end} FROM {name} t JOIN {gone} ON {same} WHERE {spans}""",
        f"""UPDATE {name} t SET {end} = %(before)s{_set(table.at_end, "s")}
            FROM {gone} WHERE {same} AND {spans}""",
        # What goes on from the one before: up to this one, or joined with what starts after it.
        f"""UPDATE {name} t SET {end} = b.{end}{_set(table.at_end, "b")}{least_of_three}
            FROM {here} JOIN {name} b ON {both}
            WHERE {same} AND {at_before} AND t.{end} < %(next)s
              AND {starts_after.format("b", "b")}""",
        f"""DELETE FROM {name} b USING {here}, {name} t
            WHERE {both} AND {same} AND {spans} AND {starts_after.format("b", "b")}""",
        f"""UPDATE {name} t SET {end} = %(time)s{_set(table.at_end, "s")}{least}
            FROM {here} WHERE {same} AND {at_before} AND t.{end} < %(next)s""",
        # What starts after it starts with it.
        f"""UPDATE {name} t SET {start} = %(time)s{_set(table.values, "s")}{least}
            FROM {here} WHERE {same} AND {starts_after.format("t", "t")}""",
        f"""INSERT INTO {name} ({kept}, {", ".join([*table.at_end, start, end])})
            SELECT {", ".join(f"s.{c}" for c in (*kept.split(", "), *table.at_end))},
                   %(time)s, %(time)s
            FROM {here} WHERE NOT EXISTS (
                SELECT FROM {name} t WHERE {same} AND t.{start} <= %(time)s
                   AND (t.{end} IS NULL OR t.{end} >= %(time)s))""",
    ]
    if table.least:
        statements.append(
            f"""UPDATE {name} t SET {least.removeprefix(", ")}
                FROM {here} WHERE {same} AND {spans}"""
        )
    for statement in statements:
        cur.execute(statement, values)


def pass_on(
    cur: cursor, table: SpanTable, owner: str, before: Sequence[int], owned: Sequence[Ownership]
) -> None:
    """Give the rows of some owners to who owned their time, and join those of one run.

    Args:
        cur: of a transaction in which nobody else writes snapshots
        table: the table
        owner: the column of the key that says whose a row is
        before: the owners up to now
        owned: the owners from now on; their rows exist already. What nobody owned is deleted
    """
    columns = [*table.columns, *table.at_end, table.started, table.ended]
    cur.execute(
        f"SELECT {', '.join(columns)} FROM {table.name} WHERE {owner} = ANY(%s)", (list(before),)
    )
    known = [dict(zip(columns, row, strict=True)) for row in cur]
    pieces = [piece for row in known for piece in _pieces(table, owner, row, owned)]
    pieces.sort(key=lambda row: ([row[name] for name in table.key], row[table.started]))
    joined: list[dict[str, Any]] = []
    for _, run in groupby(pieces, key=lambda row: [row[name] for name in table.key]):
        joined += _joined(cur, table, list(run))
    if sorted(map(repr, joined)) == sorted(map(repr, known)):
        return
    cur.execute(f"DELETE FROM {table.name} WHERE {owner} = ANY(%s)", (list(before),))
    copy_rows(cur, table.name, columns, [[row[name] for name in columns] for row in joined])


def rewrite_spans(
    cur: cursor,
    table: SpanTable,
    run: SnapshotRun,
    shown: Sequence[Mapping[Key, Sequence[object]]],
    is_meant: Callable[[Key], bool],
) -> list[Key]:
    """Make the rows what the snapshots of a run show, found again; returns whose have changed.

    Args:
        cur: of a transaction in which nobody else writes snapshots
        table: the table, without columns that say something of the end
        run: the snapshots. What those beside them show stays as it is
        shown: what each of them shows, by key: rows with `table.columns`
        is_meant: whether a key was looked for at all; rows of others stay as they are
    """
    columns = [*table.columns, table.started, table.ended]
    cur.execute(
        f"""SELECT {", ".join(columns)} FROM {table.name} t
            WHERE t.{table.started} <= %(last)s
              AND t.{table.started} > %(before)s::timestamptz - interval '30 days'
              AND (t.{table.ended} IS NULL OR t.{table.ended} >= %(before)s)
            ORDER BY t.{table.started}""",
        {"last": run.after or run.times[-1], "before": run.before},
    )
    known: dict[Key, list[_Row]] = {}
    for row in cur:
        known.setdefault(row[: len(table.key)], []).append(dict(zip(columns, row, strict=True)))
    changed: list[Key] = []
    for key in {*known, *(key for one in shown for key in one)}:
        before = known.get(key, [])
        rows = _rewritten(table, run, before, [one.get(key) for one in shown])
        if rows == before or not is_meant(key):
            continue
        cur.execute(
            f"""DELETE FROM {table.name} WHERE ({", ".join(table.key)}) = %s
                AND {table.started} = ANY(%s)""",
            (key, [row[table.started] for row in before]),
        )
        copy_rows(cur, table.name, columns, [[row[name] for name in columns] for row in rows])
        changed.append(key)
    return changed


def _rewritten(
    table: SpanTable,
    run: SnapshotRun,
    known: Sequence[_Row],
    shown: Sequence[Sequence[object] | None],
) -> list[_Row]:
    """The rows of one key: what is known of before and after, and what the run shows."""
    start, end = table.started, table.ended
    before, times, after = run
    pieces = [
        {**row, end: before if row[end] is None else min(row[end], before)}
        for row in known
        if row[start] <= before
    ]
    pieces += [
        {**dict(zip(table.columns, one, strict=True)), start: time, end: time}
        for time, one in zip(times, shown, strict=True)
        if one is not None
    ]
    pieces += [
        {**row, start: max(row[start], after)}
        for row in known
        if after is not None and (row[end] is None or row[end] >= after)
    ]
    follows = dict(zip((before, *times), (*times, after), strict=True))
    joined: list[_Row] = []
    for row in pieces:
        if joined and follows.get(joined[-1][end]) == row[start]:
            least = {name: min(joined[-1][name], row[name]) for name in table.least}
            joined[-1] = {**joined[-1], **least, end: row[end]}
        else:
            joined.append(row)
    if after is None and joined and joined[-1][end] == times[-1]:
        joined[-1] = {**joined[-1], end: None}
    return joined


def _pieces(
    table: SpanTable, owner: str, row: dict[str, Any], owned: Sequence[Ownership]
) -> list[dict[str, Any]]:
    found = []
    for one in owned:
        start = max(row[table.started], one.first)
        end = one.last if row[table.ended] is None else min(row[table.ended], one.last)
        if start <= end:
            found.append({**row, owner: one.owner, table.started: start, table.ended: end})
    return found


def _joined(cur: cursor, table: SpanTable, run: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one key, in order; those between which no snapshot is stored are one."""
    joined = run[:1]
    for row in run[1:]:
        last = joined[-1]
        if row[table.started] > last[table.ended]:
            cur.execute(
                """SELECT EXISTS (SELECT FROM snapshots
                       WHERE update_timestamp > %s AND update_timestamp < %s)""",
                (last[table.ended], row[table.started]),
            )
            if cur.fetchone() == (True,):
                joined.append(row)
                continue
        later = row if row[table.ended] > last[table.ended] else last
        joined[-1] = {
            **last,
            **{name: min(last[name], row[name]) for name in table.least},
            **{name: later[name] for name in (*table.at_end, table.ended)},
        }
    return joined


def _stage(
    cur: cursor,
    table: SpanTable,
    what: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    types = {**table.key, **table.values, **table.least, **table.at_end}
    stage(cur, f"stage_{what}_{table.name}", ", ".join(f"{name} {types[name]}" for name in columns))
    copy_rows(cur, f"stage_{what}_{table.name}", columns, rows)


def _staged(table: SpanTable, what: str) -> str:
    return f"stage_{what}_{table.name} s"


def _same(table: SpanTable, alias: str) -> str:
    return " AND ".join(f"{alias}.{name} = s.{name}" for name in table.key)


def _set(columns: Iterable[str], source: str) -> str:
    return "".join(f", {c} = {source}.{c}" for c in columns)
