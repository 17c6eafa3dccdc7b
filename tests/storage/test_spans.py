"""Rows of runs of snapshots: the same in whatever order the snapshots come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.storage.test_writer import rows, write_all
from tests.traffic.build import at, snapshot
from vatwatch.storage.spans import Ownership, SpanTable, pass_on, write_spans

if TYPE_CHECKING:
    from psycopg2.extensions import connection

SPANS = SpanTable(
    "spans",
    {"owner": "bigint", "place": "text"},
    "started",
    "ended",
    {"said": "text"},
    least={"nearest": "integer"},
    at_end={"height": "integer"},
)
Key = tuple[int, str]


class Told(NamedTuple):
    """What a snapshot says of a key."""

    said: str
    nearest: int
    height: int


class Row(NamedTuple):
    owner: int
    place: str
    started: datetime
    ended: datetime | None
    said: str
    nearest: int
    height: int | None


Shown = dict[Key, Told]


@pytest.fixture(autouse=True)
def _table(conn: connection) -> None:
    with conn.cursor() as cur:
        cur.execute(
            "CREATE TEMP TABLE spans (owner bigint, place text, started timestamptz, ended"
            " timestamptz, said text, nearest int, height int, PRIMARY KEY (owner, place, started))"
        )


def stored(conn: connection) -> list[Row]:
    found = rows(
        conn, "SELECT owner, place, started, ended, said, nearest, height FROM spans ORDER BY 1,2,3"
    )
    return [Row(*row) for row in found]  # type: ignore[arg-type]


class Network:
    """Hands a table what the snapshots show, and knows which of them are stored."""

    def __init__(self, conn: connection) -> None:
        self.conn = conn
        self.stored: dict[datetime, Shown] = {}

    def show(self, seconds: float, **told: Told) -> None:
        self.take(at(seconds), {(1, place): one for place, one in told.items()})

    def take(self, time: datetime, shown: Shown) -> None:
        before = max((each for each in self.stored if each < time), default=None)
        following = min((each for each in self.stored if each > time), default=None)
        was = {} if before is None else self.stored[before]
        with self.conn.cursor() as cur:
            write_spans(
                cur,
                SPANS,
                (time, before, following),
                began=[(*key, *shown[key][:2]) for key in shown.keys() - was.keys()],
                ended=[(*key, was[key].height) for key in was.keys() - shown.keys()],
                present=[(*key, *one) for key, one in shown.items()],
            )
            if following is None:  # as whoever owns a table of such columns does
                for key, one in shown.items():
                    cur.execute(
                        """UPDATE spans SET nearest = least(nearest, %s) WHERE ended IS NULL
                           AND (owner, place) = (%s, %s)""",
                        (one.nearest, *key),
                    )
        self.conn.commit()
        self.stored[time] = shown

    def runs(self) -> list[Row]:
        """What the rows are to be, from the definition alone."""
        times = sorted(self.stored)
        return sorted(
            run
            for key in {key for shown in self.stored.values() for key in shown}
            for run in _runs(key, [(time, self.stored[time].get(key)) for time in times])
        )


def _runs(key: Key, seen: Sequence[tuple[datetime, Told | None]]) -> Iterator[Row]:
    run: list[tuple[datetime, Told]] = []
    for time, told in [*seen, (None, None)]:
        if told is not None and time is not None:
            run.append((time, told))
        elif run:
            lasts = time is None
            yield Row(
                *key,
                started=run[0][0],
                ended=None if lasts else run[-1][0],
                said=run[0][1].said,
                nearest=min(one.nearest for _, one in run),
                height=None if lasts else run[-1][1].height,
            )
            run = []


FAR, NEAR, OTHER = Told("far", 9, 100), Told("near", 2, 200), Told("other", 5, 300)


@pytest.fixture
def network(conn: connection) -> Network:
    return Network(conn)


def test_in_order_a_row_is_a_run_of_snapshots(network: Network) -> None:
    network.show(0, a=FAR)
    network.show(15, a=NEAR, b=FAR)
    network.show(30, b=NEAR)
    network.show(45, a=OTHER, b=OTHER)
    assert stored(network.conn) == network.runs()
    assert stored(network.conn) == [
        Row(1, "a", at(0), at(15), "far", 2, 200),
        Row(1, "a", at(45), None, "other", 5, None),
        Row(1, "b", at(15), None, "far", 2, None),
    ]


# Of three snapshots, what the first and the last show, and the one in between, which comes last.
@pytest.mark.parametrize("goes_on", [True, False], ids=["lasting", "over"])
@pytest.mark.parametrize("first", [FAR, None])
@pytest.mark.parametrize("late", [NEAR, None])
@pytest.mark.parametrize("last", [OTHER, None])
def test_a_late_snapshot_makes_the_rows_what_they_are_in_order(
    network: Network, first: Told | None, late: Told | None, last: Told | None, *, goes_on: bool
) -> None:
    for seconds, told in ((0, first), (30, last), *([] if goes_on else [(45, None)])):
        network.show(seconds, **({} if told is None else {"a": told}))
    network.show(15, **({} if late is None else {"a": late}))
    wanted, found = network.runs(), stored(network.conn)
    if first and last and late is None:
        # What was one row says of its second half only when it was, and of both the same nearest
        # one: whoever owns the table derives the rest again.
        height = None if goes_on else 300
        assert found == [
            Row(1, "a", at(0), at(0), "far", 5, 100),
            Row(1, "a", at(30), None if goes_on else at(30), "far", 5, height),
        ]
        assert [row[:4] for row in found] == [row[:4] for row in wanted]
    else:
        assert found == wanted


@pytest.mark.parametrize("late", [NEAR, None])
@pytest.mark.parametrize("first", [FAR, None])
def test_a_late_snapshot_may_be_the_first_of_all(
    network: Network, late: Told | None, first: Told | None
) -> None:
    network.show(15, **({} if first is None else {"a": first}))
    network.show(30)
    network.show(0, **({} if late is None else {"a": late}))
    assert stored(network.conn) == network.runs()


def test_a_late_snapshot_touches_nobody_else(network: Network) -> None:
    network.show(0, a=FAR, b=FAR)
    network.show(30, b=NEAR, c=FAR)
    network.show(15, a=NEAR, b=OTHER)
    assert stored(network.conn) == network.runs()
    assert len(stored(network.conn)) == 3


@pytest.mark.parametrize("seed", range(20))
def test_the_times_are_the_same_in_whatever_order_the_snapshots_come(
    network: Network, seed: int
) -> None:
    dice = Random(seed)
    keys = [(owner, place) for owner in (1, 2) for place in "ab"]
    told = {
        at(15 * number): {
            key: Told(dice.choice("xyz"), dice.randrange(9), dice.randrange(9))
            for key in keys
            if dice.random() < 0.6
        }
        for number in range(12)
    }
    order = list(told)
    dice.shuffle(order)
    for time in order:
        network.take(time, told[time])
        assert [row[:4] for row in stored(network.conn)] == [row[:4] for row in network.runs()]


# --- whose they are ------------------------------------------------------------------------------


def put(conn: connection, *known: Row) -> None:
    with conn.cursor() as cur:
        for row in known:
            cur.execute("INSERT INTO spans VALUES (%s, %s, %s, %s, %s, %s, %s)", row)


def owned(conn: connection, before: list[int], *now: Ownership) -> list[Row]:
    with conn.cursor() as cur:
        pass_on(cur, SPANS, "owner", before, now)
    return stored(conn)


@pytest.fixture
def _four_snapshots(conn: connection) -> None:
    write_all(conn, [snapshot(15 * number) for number in range(4)])


@pytest.mark.usefixtures("_four_snapshots")
def test_rows_of_two_owners_that_are_one_are_joined_if_no_snapshot_lies_between(
    conn: connection,
) -> None:
    put(
        conn,
        Row(1, "a", at(0), at(15), "first", 7, 10),
        Row(2, "a", at(30), at(45), "then", 3, 20),
        Row(1, "b", at(0), at(0), "first", 7, 10),
        Row(2, "b", at(30), at(45), "then", 3, 20),
        Row(3, "a", at(0), at(45), "another's", 1, 1),
    )
    assert owned(conn, [1, 2], Ownership(1, at(0), at(45))) == [
        Row(1, "a", at(0), at(45), "first", 3, 20),
        Row(1, "b", at(0), at(0), "first", 7, 10),
        Row(1, "b", at(30), at(45), "then", 3, 20),
        Row(3, "a", at(0), at(45), "another's", 1, 1),
    ]


@pytest.mark.usefixtures("_four_snapshots")
def test_a_row_is_cut_where_its_owner_changes_and_what_nobody_owned_is_deleted(
    conn: connection,
) -> None:
    put(
        conn,
        Row(1, "a", at(0), at(45), "all", 7, 10),
        Row(1, "b", at(15), at(15), "between", 7, 10),
    )
    found = owned(conn, [1], Ownership(1, at(0), at(0)), Ownership(2, at(30), at(45)))
    assert found == [
        Row(1, "a", at(0), at(0), "all", 7, 10),
        Row(2, "a", at(30), at(45), "all", 7, 10),
    ]


@pytest.mark.usefixtures("_four_snapshots")
def test_a_row_that_lasted_ends_with_its_owner(conn: connection) -> None:
    put(conn, Row(1, "a", at(15), None, "lasting", 7, None))
    assert owned(conn, [1], Ownership(1, at(0), at(30))) == [
        Row(1, "a", at(15), at(30), "lasting", 7, None)
    ]


@pytest.mark.usefixtures("_four_snapshots")
def test_nothing_is_written_where_nothing_changes(conn: connection) -> None:
    put(conn, Row(1, "a", at(0), at(45), "all", 7, 10))
    before = rows(conn, "SELECT xmin::text, ctid::text FROM spans")
    conn.commit()
    owned(conn, [1], Ownership(1, at(0), at(45)))
    assert rows(conn, "SELECT xmin::text, ctid::text FROM spans") == before
