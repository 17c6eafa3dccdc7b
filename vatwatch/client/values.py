"""Values of parameters and of paths, as they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias
from urllib.parse import quote

QueryValue: TypeAlias = str | int | float | bool | datetime | Sequence[str | int | float] | None
"""A list is sent with commas, a time with its zone; None is not sent at all."""


def query_of(given: Mapping[str, object]) -> dict[str, str]:
    """Parameters as texts. A name may end with `_`, where Python keeps the name for itself.

    Raises:
        ValueError: a time has no zone
    """
    return {
        name.removesuffix("_"): text_of(value) for name, value in given.items() if value is not None
    }


def text_of(value: object) -> str:
    """One value as the API reads it.

    Raises:
        ValueError: a time has no zone
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no zone: use datetime.now(UTC) and the like")
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(text_of(one) for one in value)
    return str(value)


def path_of(template: str, **parts: str) -> str:
    """A path with the parts filled in: what stands in a callsign or a name is no part of it."""
    # A name of dots would lead elsewhere.
    quoted = {name: quote(part, safe="").replace(".", "%2E") for name, part in parts.items()}
    return template.format_map(quoted)
