"""Fields: which parts of each record an answer has, by their names.

A name leads into a record with dots: `flight_plan.departure`, also into each member of a list
(`contacts.station`). What was not asked for is skipped, so the answer has the values as served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import GenericAlias
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct

from vatwatch.live.query.bad_value import BadValue, listed
from vatwatch.live.record_members import members_of
from vatwatch.live.records import (
    Collection,
    LiveAtis,
    LiveController,
    LiveFlight,
    LivePrefile,
    LiveRadios,
)

# A name below a name below a name: no record is deeper.
DEEPEST = 3
# Choices whose decoders are kept. Programs ask for the same fields again and again.
KEPT = 64

RECORDS: Mapping[Collection, type[Struct]] = {
    Collection.FLIGHTS: LiveFlight,
    Collection.CONTROLLERS: LiveController,
    Collection.ATIS: LiveAtis,
    Collection.PREFILES: LivePrefile,
    Collection.TRANSCEIVERS: LiveRadios,
}

_Wanted: TypeAlias = "dict[str, _Wanted]"


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """Names of fields, in the order of the record; none: all of them."""

    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it is written in a query."""
        return ",".join(self.names)

    def of(self, collection: Collection, records: Sequence[Raw]) -> Sequence[Raw | bytes]:
        """The records of a collection with these fields alone, in JSON."""
        if not self.names:
            return records
        decoder = _decoder(collection, self.names)
        # One by one, so that the interpreter is free in between.
        return [msgspec.json.encode(decoder.decode(record)) for record in records]


ALL_FIELDS = FieldChoice()


def read_fields(given: str, collection: Collection) -> FieldChoice:
    """Names with commas between them. Raises BadValue."""
    known = field_names(collection)
    wanted = set(listed(given))
    for name in sorted(wanted - known.keys()):
        raise BadValue(
            "names a field that the records do not have: they have "
            f"{', '.join(one for one in known if '.' not in one)}, and fields below these",
            name,
            known,
        )
    # Of a field and one below it the first has the second.
    whole = {name for name in wanted if not any(name.startswith(f"{one}.") for one in wanted)}
    return FieldChoice(tuple(name for name in known if name in whole))


@cache
def field_names(collection: Collection) -> Mapping[str, None]:
    """All names, also those with dots, in the order of the records."""
    return dict.fromkeys(_names(RECORDS[collection]))


def _names(record: type[Struct], above: str = "") -> list[str]:
    found = []
    for name, below, _ in members_of(record):
        found.append(f"{above}{name}")
        if below is not None and above.count(".") < DEEPEST:
            found += _names(below, f"{above}{name}.")
    return found


@lru_cache(maxsize=KEPT)
def _decoder(collection: Collection, names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    wanted: _Wanted = {}
    for name in names:
        place = wanted
        for part in name.split("."):
            place = place.setdefault(part, {})
    return msgspec.json.Decoder(_chosen(RECORDS[collection], wanted))


def _chosen(record: type[Struct], wanted: _Wanted) -> Any:
    """A type that has the wanted fields of a record and skips the others."""
    fields: list[tuple[str, Any, Any]] = []
    for name, below, many in members_of(record):
        if name not in wanted:
            continue
        if wanted[name] and below is not None:
            inner: Any = _chosen(below, wanted[name])
            of_all: Any = GenericAlias(list, inner) if many else inner
            fields.append((name, of_all | None, None))
        else:
            fields.append((name, Raw, Raw(b"null")))
    # Names such as `from` are none that Python allows.
    renamed = [(f"field_{number}", *field[1:]) for number, field in enumerate(fields)]
    rename = {f"field_{number}": field[0] for number, field in enumerate(fields)}
    return msgspec.defstruct("Chosen", renamed, rename=rename, frozen=True, gc=False)
