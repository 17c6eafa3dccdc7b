"""The parameters of queries, by collection: filters, order, limit, cursor and fields.

Wherever records are asked for, these have the same names and mean the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

import falcon

from vatwatch.http.near import SHOWN_CHARS, near_match
from vatwatch.http.params import Invalid, Parameter, cursor, whole_number
from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.fields import ALL_FIELDS, FieldChoice, field_names, read_fields
from vatwatch.live.query.filters import RecordFilters
from vatwatch.live.query.known_filters import RecordFilter, filters_of
from vatwatch.live.query.ordering import (
    BY_ID,
    SORTS,
    PageCursor,
    SortOrder,
    read_cursor,
    read_sort,
)
from vatwatch.live.query.selection import RecordQuery
from vatwatch.live.records import Collection

T = TypeVar("T")

# What each point of a track has.
OF_POINTS = frozenset({"bbox", "near", "altitude", "groundspeed", "heading"})

MAX_LIMIT = 10_000

LIMIT: Parameter[int | None] = whole_number(
    "limit",
    1,
    MAX_LIMIT,
    None,
    about="How many records at most; without it, all that match.",
    example=100,
)


@cache
def filter_parameters(collection: Collection) -> tuple[Parameter[Any], ...]:
    """The filters of a collection."""
    return tuple(map(_parameter, filters_of(collection)))


@cache
def query_parameters(collection: Collection) -> tuple[Parameter[Any], ...]:
    """All parameters of queries of a collection."""
    own = (_sort(collection), LIMIT, _cursor(BY_ID), _fields(collection))
    return (*filter_parameters(collection), *own)


def query_of(req: falcon.Request, collection: Collection) -> RecordQuery:
    """The query of a request. Raises BadRequest that names the parameter."""
    order = _sort(collection).of(req)
    after, fields = _cursor(order).of(req), _fields(collection).of(req)
    return RecordQuery(filters_in(req, collection), order, LIMIT.of(req), after, fields)


def filters_in(req: falcon.Request, collection: Collection) -> RecordFilters:
    """The filters of a request. Raises BadRequest that names the parameter."""
    found = []
    for one, parameter in zip(filters_of(collection), filter_parameters(collection), strict=True):
        condition = parameter.of(req)
        if condition is not None:
            found.append((one, condition))
    return RecordFilters(tuple(found))


def point_filter_parameters() -> tuple[Parameter[Any], ...]:
    """The filters that make sense for one point of a flight's track."""
    return tuple(one for one in filter_parameters(Collection.FLIGHTS) if one.name in OF_POINTS)


def point_filters_in(req: falcon.Request) -> RecordFilters:
    """The filters by points of a request. Raises BadRequest that names the parameter."""
    found = filters_in(req, Collection.FLIGHTS)
    return RecordFilters(tuple(pair for pair in found.given if pair[0].name in OF_POINTS))


def _parameter(one: RecordFilter) -> Parameter[Any]:
    return Parameter(one.name, _reading(one.read), None, one.about, one.schema, many=one.is_list)


@cache
def _sort(collection: Collection) -> Parameter[SortOrder]:
    names = SORTS[collection]
    return Parameter(
        "sort",
        _reading(partial(read_sort, collection=collection)),
        BY_ID,
        "What to put the records in order by, with a `-` before it for the greatest first.",
        {
            "type": "string",
            "enum": [*names, *(f"-{name}" for name in names)],
            "example": f"-{names[-1]}",
        },
        many=True,
    )


def _cursor(order: SortOrder) -> Parameter[PageCursor | None]:
    read = _reading(partial(read_cursor, order=order))
    return cursor("cursor", read, example=PageCursor("", (), "6887687557313438827").text())


@cache
def _fields(collection: Collection) -> Parameter[FieldChoice]:
    read = _reading(partial(read_fields, collection=collection))
    return Parameter(
        "fields",
        read,
        ALL_FIELDS,
        "Only these fields of each record, also below others (`flight_plan.arrival`).",
        {"type": "string", "enum": list(field_names(collection)), "example": "callsign"},
        many=True,
    )


def _reading(read: Callable[[str], T]) -> Callable[[str], T]:
    def reading(given: str) -> T:
        try:
            return read(given)
        except BadValue as error:
            shown = f": {error.given[:SHOWN_CHARS]}" if error.given else ""
            near = near_match(error.given, error.choices) if error.given else None
            raise Invalid(f"{error.must}{shown}", near) from error

    return reading
