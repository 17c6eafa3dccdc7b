"""Records as CSV (RFC 4180): a line with the names, and a line for each record.

Fields of records below have the names joined by `_` (`flight_plan_departure`). Lists of texts and
numbers stand in one field with `;` between them, lists of records as JSON. What is null is empty.
The columns are those of the type, so they are the same whatever the records have.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from io import StringIO
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct

from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.record_members import members_of
from vatwatch.traffic.phases import FlightPhase

# Members of texts and numbers by name: the names that there are.
KNOWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "phase_s": tuple(phase.value for phase in FlightPhase),
    "words": ("kind", "letter", "departure", "arrival", "qnh_mb"),
}

_Path: TypeAlias = tuple[str, ...]


def csv_of(
    record: type[Struct], records: Iterable[Raw | bytes], names: Collection[str] = ()
) -> bytes:
    """Records in JSON as a table.

    Args:
        record: the type of the records
        records: each in JSON
        names: only these fields, with dots below others; empty: all of them
    """
    paths = _paths(record, tuple(names))
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["_".join(path) for path in paths])
    decode = msgspec.json.decode
    for one in records:
        values = decode(one)
        writer.writerow([_cell(values, path) for path in paths])
    return out.getvalue().encode()


def lines_of(records: Sequence[Struct], record: type[Struct], wanted: AnswerFormat) -> bytes:
    """Records of a type, in CSV or else NDJSON."""
    lines = msgspec.json.Encoder().encode_lines(records)
    return csv_of(record, lines.splitlines()) if wanted is AnswerFormat.CSV else lines


@cache
def _all_paths(record: type[Struct]) -> tuple[_Path, ...]:
    found: list[_Path] = []
    for name, below, many in members_of(record):
        if below is not None and not many:
            found += [(name, *path) for path in _all_paths(below)]
        elif name in KNOWN_KEYS:
            found += [(name, key) for key in KNOWN_KEYS[name]]
        else:
            found.append((name,))
    return tuple(found)


def _paths(record: type[Struct], names: tuple[str, ...]) -> list[_Path]:
    if not names:
        return list(_all_paths(record))
    wanted = [tuple(name.split(".")) for name in names]
    return [
        path
        for path in _all_paths(record)
        # A field below a list is chosen in the record; its column is the list's.
        if any(path[: len(one)] == one or one[: len(path)] == path for one in wanted)
    ]


def _cell(value: Any, path: _Path) -> Any:
    for name in path:
        if value is None:
            return ""
        value = value.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        if all(isinstance(one, str | int | float) for one in value):
            return ";".join(map(str, value))
        return msgspec.json.encode(value).decode()
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return value
