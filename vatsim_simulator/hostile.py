"""Texts by which somebody tries to have pages of others run what he has written.

Whatever people type reaches whoever shows the feed: names, remarks, routes, controllers' texts,
ATIS, and even callsigns. Here they hold markup, scripts, addresses, templates, spaces that are
none, letters that turn the direction of what follows, and lines that do not end.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

from msgspec.structs import replace

from vatwatch.feed.records import Atis, ClientRadios, Controller, Feed, FlightPlan, Pilot

TEXTS = (
    '<script>window.hostile = "script"</script>',
    "<img src=x onerror=\"window.hostile = 'img'\">",
    '"><svg onload="window.hostile = \'svg\'">',
    "' onmouseover='window.hostile = 1' x='",
    "javascript:window.hostile=1",
    "</style><style>* { display: none !important }</style>",
    '<iframe srcdoc="<script>parent.hostile = 1</script>"></iframe>',
    "{{constructor.constructor('window.hostile = 1')()}} ${window.hostile = 1}",
    '=HYPERLINK("http://127.0.0.1/", "click")',
    "\u202eNOCSID\u2066 \u200b\u00a0\ufeff",
    "a\u0301\u0302\u0303\u0304" * 40,
    "W" * 3_000,
)
# Of so many pilots one has such a callsign, too.
CALLSIGNS = 20

Station = TypeVar("Station", Controller, Atis)


def made_hostile(
    feed: Feed, radios: list[ClientRadios], share: float
) -> tuple[Feed, list[ClientRadios]]:
    """The same, with such texts in this share of the records: the same ones in each update."""
    chosen = {
        one.callsign: _number(one.callsign)
        for records in (feed.pilots, feed.controllers, feed.atis)
        for one in records
        if _number(one.callsign) % 100 < share * 100
    }
    pilots = [_pilot(one, chosen.get(one.callsign)) for one in feed.pilots]
    controllers = [_station(one, chosen.get(one.callsign)) for one in feed.controllers]
    atis = [_station(one, chosen.get(one.callsign)) for one in feed.atis]
    signs = {
        before.callsign: after.callsign for before, after in zip(feed.pilots, pilots, strict=True)
    }
    return (
        replace(feed, pilots=pilots, controllers=controllers, atis=atis),
        [replace(one, callsign=signs.get(one.callsign, one.callsign)) for one in radios],
    )


def _number(callsign: str) -> int:
    return zlib.crc32(callsign.encode())


def _text(number: int) -> str:
    return TEXTS[number % len(TEXTS)]


def _pilot(one: Pilot, number: int | None) -> Pilot:
    if number is None:
        return one
    return replace(
        one,
        name=_text(number),
        callsign=f"<B>{one.callsign[:7]}" if number % CALLSIGNS == 0 else one.callsign,
        flight_plan=None if one.flight_plan is None else _plan(one.flight_plan, number),
    )


def _plan(plan: FlightPlan, number: int) -> FlightPlan:
    return replace(
        plan,
        remarks=f"{plan.remarks} {_text(number + 1)}",
        route=f"{plan.route} {_text(number + 2)}",
        aircraft_short=_text(number)[:8],
    )


def _station(one: Station, number: int | None) -> Station:
    if number is None:
        return one
    lines: list[str] = one.text_atis or []
    return replace(one, name=_text(number), text_atis=[*lines, _text(number + 3)])
