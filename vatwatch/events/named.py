"""Whom an event names: the callsigns and CIDs in its payload, by which events are looked for.

`vatwatch/storage/event_table.py` says the same in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

MOST_CHARACTERS = 64
"""Of a callsign, these are looked at. Clients publish texts of any length, and an index takes no
long ones; no callsign is half as long."""

_CID = re.compile(r"[1-9]\d{0,9}", re.ASCII)


def callsigns_in(payload: Struct) -> tuple[str, ...]:
    """The callsigns that a payload names: of whom it tells, then the other one, if there is one."""
    about, other = _first(payload, "callsign", "subject"), _first(payload, "station")
    if other is None:
        flight = _facts(payload).get("flight")
        other = flight if isinstance(flight, str) else None
    return tuple(one[:MOST_CHARACTERS] for one in (about, other) if one is not None)


def cids_in(payload: Struct) -> tuple[int, ...]:
    """The CIDs that a payload names, in the same order."""
    return tuple(_numbers(payload))


def _numbers(payload: Struct) -> Iterator[int]:
    about = _first(payload, "cid")
    if about is None:
        about = _facts(payload).get("cid")
    for given in (about, _first(payload, "station_cid")):
        # A fact may be a text, and a number of any size is no CID.
        if _CID.fullmatch(str(given)):
            yield int(given)


def _first(payload: Struct, *names: str) -> Any:
    found = (getattr(payload, name, None) for name in names)
    return next((one for one in found if one is not None), None)


def _facts(payload: Struct) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = getattr(payload, "facts", {})
    return facts
