"""Orders of records, and cursors: where a page ended.

A cursor has the values by which the last record stands where it stands, and the record's id, so it
means the same in the next snapshot: the page after it has what stands behind it then. In the order
of ids, which never change, nobody who stays is on two pages or on none. By a value that changes, a
record that moved over the end of a page meanwhile is.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np

from vatwatch.live.query.bad_value import BadValue, listed
from vatwatch.live.query.columns import Bools
from vatwatch.live.query.facts import RecordFacts
from vatwatch.live.records import Collection
from vatwatch.traffic.areas.area_grid import Floats, Ints

SortKey: TypeAlias = str | float | None
"""None: not known. Such records stand last, whichever way the order goes."""

# Nobody can tell what a sixth would decide.
MAX_KEYS = 5
_NOT_A_CURSOR = "must be the next_cursor of an answer to the same question (sort included)"


def _filed(name: str) -> Callable[[RecordFacts], SortKey]:
    def key(facts: RecordFacts) -> SortKey:
        return None if facts.flight_plan is None else getattr(facts.flight_plan, name) or None

    return key


def _text(name: str) -> Callable[[RecordFacts], SortKey]:
    def key(facts: RecordFacts) -> SortKey:
        return getattr(facts, name) or None

    return key


def _time(name: str) -> Callable[[RecordFacts], SortKey]:
    def key(facts: RecordFacts) -> SortKey:
        # A time without a fraction is earlier than one with it: the Z would be behind the dot.
        return getattr(facts, name).removesuffix("Z") or None

    return key


def _eta(facts: RecordFacts) -> SortKey:
    return None if facts.eta is None else facts.eta.timestamp()


_PERSON = ("callsign", "cid", "name")
_CONNECTION = (*_PERSON, "logon_time", "last_updated")
_FLIGHT_NUMBERS = (
    "altitude", "groundspeed", "heading", "vertical_speed_fpm", "distance_flown_nm",
    "great_circle_nm", "online_s",
)  # fmt: skip
_PLAN = ("departure", "arrival", "aircraft")
SORTS: Mapping[Collection, tuple[str, ...]] = {
    Collection.FLIGHTS: (*_CONNECTION, *_PLAN, "phase", "eta", *_FLIGHT_NUMBERS),
    Collection.CONTROLLERS: (*_CONNECTION, "state", "frequency", "facility", "rating"),
    Collection.ATIS: (*_CONNECTION, "frequency", "facility", "rating"),
    Collection.PREFILES: (*_PERSON, "last_updated", *_PLAN),
    Collection.TRANSCEIVERS: ("callsign",),
}
"""By what the records of a collection can be put in order. Without any it is their id."""

_TEXT_KEYS: Mapping[str, Callable[[RecordFacts], SortKey]] = {
    **{name: _text(name) for name in ("callsign", "name", "state", "phase", "frequency")},
    **{name: _time(name) for name in ("logon_time", "last_updated")},
    "departure": _filed("departure"),
    "arrival": _filed("arrival"),
    "aircraft": _filed("aircraft_short"),
}
_KEYS: Mapping[str, Callable[[RecordFacts], SortKey]] = {
    **_TEXT_KEYS,
    **{name: attrgetter(name) for name in (*_FLIGHT_NUMBERS, "cid", "facility", "rating")},
    "eta": _eta,
}


@dataclass(frozen=True, slots=True)
class SortOrder:
    """Names of values, the most important first; those of `down` from the greatest on."""

    names: tuple[str, ...] = ()
    down: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """As it is written in a query: `arrival,-altitude`."""
        return ",".join(f"-{name}" if name in self.down else name for name in self.names)


BY_ID = SortOrder()


class PageCursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ended: the order, and in it the last record's values and its id."""

    order: str
    keys: tuple[SortKey, ...]
    id: str

    def text(self) -> str:
        """As it is written in a query."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def read_sort(given: str, collection: Collection) -> SortOrder:
    """Names with commas between them, and a `-` before each that goes down. Raises BadValue."""
    parts = listed(given)
    names = [part.removeprefix("-") for part in parts]
    for name in names:
        if name not in SORTS[collection]:
            must = f"must be one of {', '.join(SORTS[collection])}, with a - before it for the "
            raise BadValue(f"{must}greatest first", name, SORTS[collection])
    if len(set(names)) < len(names):
        raise BadValue("has the same name twice")
    if len(names) > MAX_KEYS:
        raise BadValue(f"has more than {MAX_KEYS} names")
    return SortOrder(tuple(names), frozenset(part[1:] for part in parts if part.startswith("-")))


def read_cursor(given: str, order: SortOrder) -> PageCursor:
    """What `PageCursor.text` has written for this order. Raises BadValue."""
    try:
        found = msgspec.json.decode(urlsafe_b64decode(given.encode() + b"=="), type=PageCursor)
    except (msgspec.MsgspecError, ValueError, binascii.Error) as error:
        raise BadValue(_NOT_A_CURSOR) from error
    if found.order != order.text or len(found.keys) != len(order.names):
        raise BadValue(_NOT_A_CURSOR)
    for name, key in zip(order.names, found.keys, strict=True):
        if key is not None and isinstance(key, str) != (name in _TEXT_KEYS):
            raise BadValue(_NOT_A_CURSOR)
    return found


class RankColumn:
    """The rank of each record by one value; what is not known has the rank infinity."""

    def __init__(self, values: Sequence[SortKey]) -> None:
        """`values` are all texts or all numbers."""
        self.values = values
        self._distinct: list[Any] = sorted({value for value in values if value is not None})
        numbers: dict[SortKey, float] = {one: n for n, one in enumerate(self._distinct)}
        numbers[None] = np.inf
        self._ranks = np.fromiter(map(numbers.__getitem__, values), np.float64, len(values))

    def ranks(self, *, down: bool) -> Floats:
        """Smaller ones stand further up."""
        return np.where(np.isinf(self._ranks), np.inf, -self._ranks) if down else self._ranks

    def rank_of(self, value: SortKey, *, down: bool) -> float:
        """The rank of a value; of one that is not there, between those that are."""
        if value is None:
            return np.inf
        place = bisect_left(self._distinct, value)
        is_there = place < len(self._distinct) and self._distinct[place] == value
        rank = place if is_there else place - 0.5
        return -rank if down else rank


class RecordRanks:
    """All orders of one table; each is made when it is first asked for."""

    def __init__(self, facts: Sequence[RecordFacts], ids: Sequence[str]) -> None:
        self._facts = facts
        self._ids = RankColumn(ids)
        self._columns: dict[str, RankColumn] = {}

    def behind(self, order: SortOrder, after: PageCursor) -> Bools:
        """Whether each record stands behind the end of a page."""
        behind = np.zeros(len(self._facts), np.bool_)
        level = ~behind
        wanted = [
            (self._column(name), value, name in order.down)
            for name, value in zip(order.names, after.keys, strict=True)
        ]
        for column, value, down in (*wanted, (self._ids, after.id, False)):
            ranks, rank = column.ranks(down=down), column.rank_of(value, down=down)
            behind |= level & (ranks > rank)
            level &= ranks == rank
        return behind

    def in_order(self, rows: Ints, order: SortOrder) -> Ints:
        """Rows of the table, in order."""
        columns = [self._column(name).ranks(down=name in order.down) for name in order.names]
        keys = [column[rows] for column in (*columns, self._ids.ranks(down=False))]
        return rows[np.lexsort(keys[::-1])]

    def cursor(self, row: int, order: SortOrder) -> PageCursor:
        """The end of a page whose last record is this one."""
        keys = tuple(self._column(name).values[row] for name in order.names)
        return PageCursor(order.text, keys, str(self._ids.values[row]))

    def _column(self, name: str) -> RankColumn:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = RankColumn([_KEYS[name](one) for one in self._facts])
        return found


def record_ids(collection: Collection, facts: Sequence[RecordFacts]) -> list[str]:
    """What tells the records of a collection apart, the same in each snapshot that has them.

    One person may have several prefiles, also under one callsign; between those that begin and end
    at the same airports their order decides.
    """
    match collection:
        case Collection.FLIGHTS:
            ids = [one.flight_id for one in facts]
        case Collection.CONTROLLERS:
            ids = [one.session_id for one in facts]
        case Collection.PREFILES:
            ids = [_prefile_id(one) for one in facts]
        case _:
            ids = [one.callsign for one in facts]
    if len(set(ids)) == len(ids):
        return ids
    counts: dict[str, int] = {}
    for row, one in enumerate(ids):
        counts[one] = number = counts.get(one, 0) + 1
        if number > 1:
            ids[row] = f"{one} {number}"
    return ids


def _prefile_id(facts: RecordFacts) -> str:
    filed = facts.flight_plan
    ends = "" if filed is None else f"{filed.departure} {filed.arrival}"
    return f"{facts.callsign} {facts.cid} {ends}"
