"""The members of a record's type: their names as served, and the records below."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from msgspec import Struct


class RecordMember(NamedTuple):
    """A field of a record."""

    name: str
    """As served."""
    below: type[Struct] | None
    """The type of the record, or of the records, that it holds."""
    many: bool
    """Whether it holds a list."""


def members_of(record: type[Struct]) -> list[RecordMember]:
    """The fields of a record, in its order."""
    hints = get_type_hints(record)
    names = zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True)
    return [RecordMember(encoded, *_look_below(hints[name])) for encoded, name in names]


def _look_below(hint: Any) -> tuple[type[Struct] | None, bool]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        return hint, False
    parts = [_look_below(part) for part in get_args(hint)]
    below = next((found for found, _ in parts if found is not None), None)
    is_list = get_origin(hint) in (list, tuple)
    return below, is_list or any(many for _, many in parts)
