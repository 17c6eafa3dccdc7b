"""Answers about the live state, in every format that there is."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from vatwatch.live.encoding import body_of
from vatwatch.live.formats.answer_format import AnswerFormat
from vatwatch.live.formats.csv_table import csv_of
from vatwatch.live.formats.geojson import feature, feature_collection, place_of
from vatwatch.live.query.facts import read_facts
from vatwatch.live.query.fields import RECORDS
from vatwatch.live.query.ordering import record_ids
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.query.selection import RecordQuery, select
from vatwatch.live.records import Body, Collection


def make_table(of: tuple[Collection, Body]) -> RecordTable:
    """The table of a collection as it is served."""
    collection, body = of
    return RecordTable(collection, body.plain, body.ends)


def answer(table: RecordTable, query: RecordQuery, wanted: AnswerFormat) -> Body:
    """The page that answers a query.

    In JSON it is the collection as it is served, with fewer records. In GeoJSON the head of that is
    a member of the feature collection; CSV and NDJSON have records alone.
    """
    page = select(table, query)
    records = query.fields.of(table.collection, page.records)
    head: dict[str, Any] = table.head | {
        "count": len(records),
        "total": page.total,
        "next_cursor": page.next_cursor,
    }
    match wanted:
        case AnswerFormat.JSON:
            name = table.collection.value.encode()
            begin = msgspec.json.encode(head)[:-1]
            parts = [begin, b',"', name, b'":[', b",".join(records), b"]}"]
        case AnswerFormat.GEOJSON:
            features = [
                feature(table.ids[row], place_of(table.facts[row]), record)
                for row, record in zip(page.rows, records, strict=True)
            ]
            parts = [feature_collection(head, features)]
        case AnswerFormat.CSV:
            parts = [csv_of(RECORDS[table.collection], records, query.fields.names)]
        case AnswerFormat.NDJSON:
            parts = [b"".join(b"%b\n" % bytes(record) for record in records)]
    return body_of(parts, total=page.total, next_cursor=page.next_cursor)


def answer_one(collection: Collection, record: bytes, wanted: AnswerFormat) -> bytes:
    """One record: in GeoJSON as a feature, in CSV and NDJSON as a list of one."""
    match wanted:
        case AnswerFormat.JSON:
            return record
        case AnswerFormat.GEOJSON:
            facts = read_facts(record)
            return feature(record_ids(collection, [facts])[0], place_of(facts), record)
        case AnswerFormat.CSV:
            return csv_of(RECORDS[collection], [Raw(record)])
        case AnswerFormat.NDJSON:
            return record + b"\n"
