"""The same filters for several collections at once, as a stream has them.

A filter that makes no sense for a collection (`phase` for controllers), or has a value that none of
its records can have (`state=observer` for flights), leaves out all its records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import falcon

from vatwatch.http.params import Invalid, Parameter
from vatwatch.http.query_params import filter_parameters
from vatwatch.live.query.filters import RecordFilters
from vatwatch.live.query.known_filters import RecordFilter, filters_of
from vatwatch.live.records import Collection

_Readings: TypeAlias = Mapping[Collection, tuple[RecordFilter, Any]]


@cache
def shared_filter_parameters(
    collections: tuple[Collection, ...],
) -> tuple[Parameter[_Readings | None], ...]:
    """A parameter for each name that a filter of one of the collections has."""
    by_name: dict[str, list[tuple[Collection, RecordFilter, Parameter[Any]]]] = {}
    for collection in collections:
        pairs = zip(filters_of(collection), filter_parameters(collection), strict=True)
        for one, parameter in pairs:
            by_name.setdefault(one.name, []).append((collection, one, parameter))
    return tuple(_shared(having) for having in by_name.values())


def shared_filters_in(
    req: falcon.Request, collections: tuple[Collection, ...]
) -> dict[Collection, RecordFilters | None]:
    """The filters of a request, by collection; None: none of its records is wanted. Empty: there
    are no filters. Raises BadRequest that names the parameter."""
    given = [
        readings
        for parameter in shared_filter_parameters(collections)
        if (readings := parameter.of(req)) is not None
    ]
    if not given:
        return {}
    return {
        collection: RecordFilters(tuple(readings[collection] for readings in given))
        if all(collection in readings for readings in given)
        else None
        for collection in collections
    }


def _shared(
    having: Sequence[tuple[Collection, RecordFilter, Parameter[Any]]],
) -> Parameter[_Readings | None]:
    def read(text: str) -> _Readings:
        found = {}
        faults = []
        for collection, one, parameter in having:
            try:
                found[collection] = one, parameter.read(text)
            except Invalid as fault:
                faults.append(fault)
        if not found:
            raise faults[0]
        return found

    _, first, parameter = having[0]
    schema = dict(parameter.schema)
    if "enum" in schema:
        words = [word for _, _, each in having for word in each.schema["enum"]]
        schema["enum"] = list(dict.fromkeys(words))
    about = " ".join(dict.fromkeys(each.about for _, _, each in having))
    return Parameter(first.name, read, None, about, schema, many=parameter.many)
