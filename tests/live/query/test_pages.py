"""Pages put together are the whole list, in order, also when the next snapshot comes in between."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from functools import cmp_to_key, partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.live.query.tables import COLLECTIONS, captured, of_page, records, simulated, table
from vatwatch.feed.times import parse_time
from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.filters import read_filters
from vatwatch.live.query.ordering import BY_ID, SORTS, read_cursor, read_sort
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.query.selection import RecordQuery, SelectedPage, select
from vatwatch.live.records import Collection

Record = dict[str, Any]


def key(record: Record, name: str) -> Any:
    """What a record is put in order by; None if that is not known."""
    if name in ("departure", "arrival", "aircraft"):
        filed = record["flight_plan"] or {}
        return filed.get("aircraft_short" if name == "aircraft" else name) or None
    value = record[name]
    if value and name in ("eta", "logon_time", "last_updated"):
        return parse_time(value)
    return None if value == "" else value


def compared(one: Record, other: Record, names: list[str]) -> int:
    for name in names:
        a, b = key(one, name.removeprefix("-")), key(other, name.removeprefix("-"))
        if a != b:
            if a is None or b is None:
                return 1 if a is None else -1
            return (1 if a > b else -1) * (-1 if name.startswith("-") else 1)
    return 0


def pages_of(tables: list[RecordTable], query: RecordQuery) -> list[SelectedPage]:
    """One page after the other, each of the next table (the last one is asked on and on)."""
    pages, number = [], 0
    while not pages or pages[-1].next_cursor is not None:
        cursor = pages[-1].next_cursor if pages else None
        after = None if cursor is None else read_cursor(cursor, query.order)
        asked = RecordQuery(query.filters, query.order, query.limit, after)
        pages.append(select(tables[min(number, len(tables) - 1)], asked))
        number += 1
    return pages


def joined(pages: list[SelectedPage]) -> list[Record]:
    return [record for page in pages for record in of_page(page)]


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.value)
def test_pages_in_any_order_are_the_whole_list_in_that_order(collection: Collection) -> None:
    random, whole = Random(2), records(simulated(), collection)
    assert len(whole) > 5
    single = [*SORTS[collection], *(f"-{name}" for name in SORTS[collection])]
    several = [random.sample(SORTS[collection], 2) for _ in range(5) if len(single) > 2]
    for names in [[], *([name] for name in single), *several]:
        order = read_sort(",".join(names), collection) if names else BY_ID
        limit = random.choice((1, 3, 7)) if len(whole) < 100 else random.choice((13, 40, 75))
        pages = pages_of([table(collection)], RecordQuery(order=order, limit=limit))
        found = joined(pages)
        assert {page.total for page in pages} == {len(whole)}
        assert {len(page.records) for page in pages[:-1]} <= {limit}
        assert 0 < len(pages[-1].records) <= limit
        assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, whole))
        in_order = sorted(found, key=cmp_to_key(partial(compared, names=names)))
        assert in_order == found, names


def test_without_limit_and_order_the_list_is_as_it_is_served() -> None:
    whole = records(simulated(), Collection.FLIGHTS)
    query = RecordQuery(read_filters({"altitude": "10000.."}, Collection.FLIGHTS))
    page = select(table(Collection.FLIGHTS), query)
    assert of_page(page) == [one for one in whole if one["altitude"] >= 10_000]
    assert page.next_cursor is None


def test_what_matches_is_counted_on_every_page() -> None:
    filters = read_filters({"phase": "cruise"}, Collection.FLIGHTS)
    pages = pages_of([table(Collection.FLIGHTS)], RecordQuery(filters, limit=3))
    found = joined(pages)
    assert {page.total for page in pages} == {len(found)}
    assert {one["phase"] for one in found} == {"cruise"}
    assert len(pages) == -(-len(found) // 3) > 2


def test_nobody_who_stays_is_doubled_or_skipped_when_snapshots_come_between_pages(
    captures: Path,
) -> None:
    # Those of one day: between the others nobody has stayed.
    updates = captured(captures)[-6:]
    compared_at_all = 0
    for collection in (Collection.FLIGHTS, Collection.CONTROLLERS, Collection.TRANSCEIVERS):
        name = {"flights": "flight_id", "controllers": "session_id"}.get(
            collection.value, "callsign"
        )
        tables = [RecordTable(collection, bodies[collection].plain) for bodies in updates]
        shown = [{one[name] for one in records(bodies, collection)} for bodies in updates]
        for limit in (10, 25, 60):
            pages = pages_of(tables, RecordQuery(limit=limit))
            looked_at = shown[: len(pages)]
            stayed = set.intersection(*looked_at)
            found = [one[name] for one in joined(pages)]
            assert len(found) == len(set(found))
            assert stayed <= set(found)
            compared_at_all += len(stayed) if len(looked_at) > 1 else 0
    assert compared_at_all > 100


def test_the_page_after_somebody_who_has_left_begins_behind_the_place() -> None:
    order = read_sort("-altitude,callsign", Collection.FLIGHTS)
    query = RecordQuery(order=order, limit=20)
    first = select(table(Collection.FLIGHTS), query)
    whole = json.loads(simulated()[Collection.FLIGHTS].plain)
    last = of_page(first)[-1]
    whole["flights"] = [f for f in whole["flights"] if f["flight_id"] != last["flight_id"]]
    without = RecordTable(Collection.FLIGHTS, json.dumps(whole).encode())
    after = read_cursor(str(first.next_cursor), order)
    second = select(without, RecordQuery(order=order, after=after))
    ids = [f["flight_id"] for f in of_page(first)[:-1] + of_page(second)]
    assert sorted(ids) == sorted(f["flight_id"] for f in whole["flights"])


def test_prefiles_of_one_person_are_told_apart() -> None:
    one = {"callsign": "ABC1", "cid": 4_000_000, "last_updated": "2026-01-01T12:00:00Z"}
    plans = [{"departure": "EGLL", "arrival": end} for end in ("LFMN", "LFMN", "LFPG")]
    body = json.dumps({"prefiles": [{**one, "flight_plan": plan} for plan in plans]}).encode()
    pages = pages_of([RecordTable(Collection.PREFILES, body)], RecordQuery(limit=1))
    found = joined(pages)
    assert sorted(each["flight_plan"]["arrival"] for each in found) == ["LFMN", "LFMN", "LFPG"]


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "é", "AAAA", "W10", "bnVsbA",
        *(
            urlsafe_b64encode(json.dumps(parts).encode()).decode()
            for parts in (
                ["callsign", ["A"], "1"], ["-altitude", ["A"], "1"], ["-altitude", [1, 2], "1"],
                ["-altitude", [1], 1], ["-altitude", [1], "1", 2], ["altitude", [1], "1"],
            )
        ),
    ],
)  # fmt: skip
def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    with pytest.raises(BadValue):
        read_cursor(cursor, read_sort("-altitude", Collection.FLIGHTS))


@pytest.mark.parametrize(
    "given", ["colour", "callsign,callsign", "callsign,-callsign", "callsign,", "--callsign", ""]
)
def test_an_order_that_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(BadValue):
        read_sort(given, Collection.FLIGHTS)


def test_equal_queries_have_one_text_and_others_have_others() -> None:
    def text(limit: int | None = None, sort: str = "", **given: str) -> str:
        order = read_sort(sort, Collection.FLIGHTS) if sort else BY_ID
        return RecordQuery(read_filters(given, Collection.FLIGHTS), order, limit).text

    assert text(phase="climb,cruise") == text(phase="cruise, climb")
    different = {
        text(),
        text(5),
        text(sort="callsign"),
        text(sort="-callsign"),
        text(phase="climb"),
    }
    assert len(different) == 5
