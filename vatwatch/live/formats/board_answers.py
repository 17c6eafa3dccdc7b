"""Boards and their lists, in every format that there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from vatwatch.live.encoding import body_of, collection_body
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.csv_table import csv_of, lines_of
from vatwatch.live.formats.geojson import feature, feature_collection
from vatwatch.live.records import Body

R = TypeVar("R", bound=Struct)


class FeatureHead(NamedTuple):
    """What a record is in GeoJSON."""

    id: str
    geometry: Any
    """As msgspec encodes it."""


class ListedPage(NamedTuple):
    """Which page of a list it is, and what else stands before its records."""

    total: int
    next_cursor: str | None
    note: str = ""


def list_answer(
    time: datetime,
    name: str,
    records: Sequence[R],
    page: ListedPage,
    wanted: AnswerFormat,
    *,
    record: type[R],
    shown: Callable[[R], FeatureHead],
) -> Body:
    """A page of records under their `name`. `record` is their type, for the columns of CSV."""
    head: dict[str, Any] = {"total": page.total, "next_cursor": page.next_cursor}
    if page.note:
        head["note"] = page.note
    if wanted is AnswerFormat.JSON:
        return collection_body(time, name, records, **head)
    if wanted is AnswerFormat.GEOJSON:
        head = {"updated_at": time, "count": len(records), **head}
        content = feature_collection(
            head, (feature(*shown(one), msgspec.json.encode(one)) for one in records)
        )
    else:
        content = lines_of(records, record, wanted)
    return body_of([content], total=page.total, next_cursor=page.next_cursor)


def board_answer(
    time: datetime,
    board: R,
    wanted: AnswerFormat,
    *,
    answer: type[Struct],
    shown: Callable[[R], FeatureHead],
) -> Body:
    """One board, with the snapshot's time. `answer` is the type of both, for the columns of CSV."""
    plain = b'{"updated_at":%b,%b' % (msgspec.json.encode(time), msgspec.json.encode(board)[1:])
    match wanted:
        case AnswerFormat.JSON:
            return body_of([plain])
        case AnswerFormat.GEOJSON:
            return body_of([feature(*shown(board), plain)])
        case AnswerFormat.CSV:
            return body_of([csv_of(answer, [Raw(plain)])])
        case AnswerFormat.NDJSON:
            return body_of([plain, b"\n"])
