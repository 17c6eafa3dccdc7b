"""From the feed's bytes to typed records. One bad record costs itself, and nobody else.

Each list is taken apart into records first, and then decoded record by record. That costs half as
much again as the whole in one go, which would keep the interpreter, and with it the hub, for all of
its time. What is typed right is then looked at for values that nothing could be done with; oddities
that the network really sends (QNH garbage, heading 360, transponder 9999) are not among them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from vatwatch.errors import FeedEmpty, FeedMalformed, FeedNotJson, FeedTruncated
from vatwatch.feed.quarantine import Quarantined
from vatwatch.feed.records import (
    Atis,
    ClientRadios,
    Controller,
    Facility,
    Feed,
    General,
    Pilot,
    PilotRating,
    Prefile,
    Server,
)
from vatwatch.feed.times import parse_time

RECORD_LIMIT = 4096
# Callsigns of 1 to 12 characters were seen; beyond this it is no callsign.
CALLSIGN_LIMIT = 20
INT4_MIN, INT4_MAX = -(2**31), 2**31 - 1
INT8_MAX = 2**63 - 1

# What a decoder raises: no JSON or another shape, no UTF-8, nested too deep.
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

T = TypeVar("T", bound=Struct)
D = TypeVar("D")


class DecodedFeed(NamedTuple):
    """A feed of good records, and the others."""

    feed: Feed
    quarantined: tuple[Quarantined, ...]


class DecodedRadios(NamedTuple):
    """The radios of each client, and what could not be used."""

    radios: list[ClientRadios]
    quarantined: tuple[Quarantined, ...]


class _Head(Struct):
    general: General


class _Sections(Struct):
    """The feed with its lists left as bytes."""

    general: General
    pilots: Raw = Raw(b"[]")
    controllers: Raw = Raw(b"[]")
    atis: Raw = Raw(b"[]")
    prefiles: Raw = Raw(b"[]")
    servers: Raw = Raw(b"[]")
    facilities: Raw = Raw(b"[]")
    ratings: Raw = Raw(b"[]")
    pilot_ratings: Raw = Raw(b"[]")
    military_ratings: Raw = Raw(b"[]")


_HEAD = msgspec.json.Decoder(_Head, strict=False)
_SECTIONS = msgspec.json.Decoder(_Sections, strict=False)
_RAWS = msgspec.json.Decoder(list[Raw])

# Any escape within a text; `lone` is half of a surrogate pair without the other.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# Control characters are not allowed in a text, and space may stand wherever they may.
_SPACES = bytes.maketrans(bytes(range(32)), b" " * 32)


def peek(raw: bytes) -> General:
    """The feed's head; the rest is only seen to be JSON.

    Raises:
        FeedEmpty: there is nothing
        FeedNotJson, FeedTruncated: it is no JSON, or ends too early
        FeedMalformed: it is JSON of another shape, or `update_timestamp` is no time
    """
    return _timed(_decode(_HEAD, raw)[0].general)


def decode_feed(raw: bytes) -> DecodedFeed:
    """A whole feed. Raises as `peek` does: without a head nothing can be done with the rest."""
    quarantine: list[Quarantined] = []
    feed, raw = _record_by_record(raw, quarantine)
    if b"\\u0000" in raw:  # PostgreSQL's texts cannot hold it
        feed = msgspec.convert(_without_nul(msgspec.to_builtins(feed)), Feed)
    seen: set[str] = set()
    filed: set[tuple[int, str, str]] = set()
    return DecodedFeed(
        msgspec.structs.replace(
            feed,
            general=_good_general(feed.general, quarantine),
            pilots=_good("pilot", feed.pilots, _pilot_fault, seen, quarantine),
            controllers=_good("controller", feed.controllers, _atc_fault, seen, quarantine),
            atis=_good("atis", feed.atis, _atc_fault, seen, quarantine),
            prefiles=_good_prefiles(feed.prefiles, filed, quarantine),
        ),
        tuple(quarantine),
    )


def decode_radios(raw: bytes) -> DecodedRadios:
    """The transceivers feed: an array without a head. Raises FeedError as `peek` does."""
    quarantine: list[Quarantined] = []
    clients = _each("radios", _decode(_RAWS, raw)[0], ClientRadios, quarantine)
    seen: set[str] = set()
    return DecodedRadios(
        _good("radios", clients, _radios_fault, seen, quarantine), tuple(quarantine)
    )


def _decode(decoder: msgspec.json.Decoder[D], raw: bytes) -> tuple[D, bytes]:
    """Decode, mended if need be, and say what it is if it cannot be; the body that was decoded."""
    try:
        return decoder.decode(raw), raw
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise FeedMalformed(f"not the feed's shape: {error}") from error
    except RecursionError as error:
        raise FeedMalformed("nested too deep for a feed") from error
    except msgspec.DecodeError as error:
        mended = _mend(raw)
        if mended != raw:
            return _decode(decoder, mended)
        body = raw.strip()
        if not body:
            raise FeedEmpty("the body is empty") from error
        if body[:1] not in (b"{", b"["):
            raise FeedNotJson(f"no JSON, it begins with {body[:40]!r}") from error
        if "truncated" in str(error) or body[-1:] not in (b"}", b"]"):
            raise FeedTruncated(f"it ends too early, after {len(raw):,} bytes") from error
        raise FeedNotJson(f"no JSON: {error}") from error


def _mend(raw: bytes) -> bytes:
    """Without what makes one text invalid as JSON, and with it the whole feed."""
    return _ESCAPE.sub(
        lambda escape: b"\\ufffd" if escape["lone"] else escape[0], raw.translate(_SPACES)
    )


def _timed(general: General) -> General:
    try:
        parse_time(general.update_timestamp)
    except ValueError as error:
        raise FeedMalformed(f"general.update_timestamp is no time: {error}") from error
    return general


def _record_by_record(raw: bytes, quarantine: list[Quarantined]) -> tuple[Feed, bytes]:
    """The feed of the records that can be decoded, and the body as it was decoded."""
    sections, raw = _decode(_SECTIONS, raw)

    def each(kind: str, section: Raw, record: type[T]) -> list[T]:
        try:
            records = _RAWS.decode(section)
        except UNDECODABLE as error:
            quarantine.append(_quarantined(kind, "", f"no list: {error}", bytes(section)))
            return []
        return _each(kind, records, record, quarantine)

    feed = Feed(
        general=_timed(sections.general),
        pilots=each("pilot", sections.pilots, Pilot),
        controllers=each("controller", sections.controllers, Controller),
        atis=each("atis", sections.atis, Atis),
        prefiles=each("prefile", sections.prefiles, Prefile),
        servers=each("server", sections.servers, Server),
        facilities=each("facility", sections.facilities, Facility),
        ratings=each("rating", sections.ratings, Facility),
        pilot_ratings=each("pilot_rating", sections.pilot_ratings, PilotRating),
        military_ratings=each("military_rating", sections.military_ratings, PilotRating),
    )
    return feed, raw


class _Named(Struct):
    callsign: str = ""


def _each(kind: str, records: list[Raw], record: type[T], quarantine: list[Quarantined]) -> list[T]:
    # Not strict: a number as a text, or 1019.0 for 1019, says what it says.
    decoder = msgspec.json.Decoder(record, strict=False)
    good: list[T] = []
    for raw in records:
        try:
            good.append(decoder.decode(raw))
        except UNDECODABLE as error:
            try:
                callsign = msgspec.json.decode(raw, type=_Named).callsign
            except UNDECODABLE:
                callsign = ""
            quarantine.append(_quarantined(kind, callsign, str(error), bytes(raw)))
    return good


def _quarantined(kind: str, callsign: str, reason: str, raw: bytes) -> Quarantined:
    text = raw[: 4 * RECORD_LIMIT].decode(errors="replace")[:RECORD_LIMIT]
    return Quarantined(kind, _storable(callsign), _storable(reason), _storable(text))


def _storable(text: str) -> str:
    """A text that PostgreSQL can keep."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "")
        case list():
            return [_without_nul(one) for one in value]
        case dict():
            return {key: _without_nul(one) for key, one in value.items()}
        case _:
            return value


# --- values ---------------------------------------------------------------------------------------


def _good(
    kind: str,
    records: list[T],
    fault: Callable[[T], str],
    seen: set[str],
    quarantine: list[Quarantined],
) -> list[T]:
    """Those without a fault whose callsign nobody had before: it is unique in one snapshot."""
    good: list[T] = []
    for record in records:
        callsign: str = record.callsign  # type: ignore[attr-defined]
        reason = fault(record)
        if not reason and callsign in seen:
            reason = f"callsign {callsign} a second time in one feed"
        if reason:
            raw = msgspec.json.encode(record)
            quarantine.append(_quarantined(kind, callsign, reason, raw))
        else:
            seen.add(callsign)
            good.append(record)
    return good


def _good_general(general: General, quarantine: list[Quarantined]) -> General:
    """The head; numbers that nobody can keep are none."""
    reason = _int4_fault(general.connected_clients) or _int4_fault(general.unique_users)
    if not reason:
        return general
    quarantine.append(_quarantined("general", "", reason, msgspec.json.encode(general)))
    return msgspec.structs.replace(general, connected_clients=0, unique_users=0)


def _good_prefiles(
    records: list[Prefile], filed: set[tuple[int, str, str]], quarantine: list[Quarantined]
) -> list[Prefile]:
    good: list[Prefile] = []
    for record in records:
        reason = _who_fault(record.cid, record.callsign) or _time_fault(record.last_updated)
        reason = reason or _int4_fault(record.flight_plan.revision_id)
        who = (record.cid, record.callsign, record.last_updated)
        if not reason and who in filed:
            reason = f"the prefile of {record.cid} as {record.callsign} a second time"
        if reason:
            raw = msgspec.json.encode(record)
            quarantine.append(_quarantined("prefile", record.callsign, reason, raw))
        else:
            filed.add(who)
            good.append(record)
    return good


def _pilot_fault(pilot: Pilot) -> str:
    """What is wrong with a pilot; empty if nothing is."""
    if not -90.0 <= pilot.latitude <= 90.0:
        return f"latitude {pilot.latitude} is out of range"
    if not -180.0 <= pilot.longitude <= 180.0:
        return f"longitude {pilot.longitude} is out of range"
    plan = pilot.flight_plan
    return (
        _who_fault(pilot.cid, pilot.callsign)
        or _time_fault(pilot.logon_time)
        or _time_fault(pilot.last_updated)
        or _int4_fault(pilot.altitude)
        or _int4_fault(pilot.groundspeed)
        or _int4_fault(pilot.heading)
        or _int4_fault(pilot.qnh_mb)
        or _int4_fault(pilot.pilot_rating)
        or _int4_fault(pilot.military_rating)
        or ("" if math.isfinite(pilot.qnh_i_hg) else "qnh_i_hg is no number")
        or ("" if plan is None else _int4_fault(plan.revision_id))
    )


def _atc_fault(record: Controller | Atis) -> str:
    return (
        _who_fault(record.cid, record.callsign)
        or _time_fault(record.logon_time)
        or _time_fault(record.last_updated)
        or _int4_fault(record.facility)
        or _int4_fault(record.rating)
        or _int4_fault(record.visual_range)
    )


def _radios_fault(client: ClientRadios) -> str:
    if fault := _callsign_fault(client.callsign):
        return fault
    for radio in client.transceivers:
        if not 0 <= radio.frequency <= INT8_MAX:
            return f"frequency {radio.frequency} is out of range"
        if not -INT8_MAX <= radio.id <= INT8_MAX:
            return f"id {radio.id} is out of range"
        if not (-90.0 <= radio.latDeg <= 90.0 and -180.0 <= radio.lonDeg <= 180.0):
            return f"position {radio.latDeg}, {radio.lonDeg} is out of range"
        if not (math.isfinite(radio.heightMslM) and math.isfinite(radio.heightAglM)):
            return "a height is no number"
    return ""


def _who_fault(cid: int, callsign: str) -> str:
    if not 0 <= cid <= INT4_MAX:
        return f"cid {cid} is out of range"
    return _callsign_fault(callsign)


def _callsign_fault(callsign: str) -> str:
    if 1 <= len(callsign) <= CALLSIGN_LIMIT and callsign.isprintable() and " " not in callsign:
        return ""
    return f"{callsign[:40]!r} is no callsign"


def _time_fault(text: str) -> str:
    try:
        parse_time(text)
    except ValueError:
        return f"{text[:40]!r} is no time"
    return ""


def _int4_fault(number: int) -> str:
    return "" if INT4_MIN <= number <= INT4_MAX else f"{number} is out of range"
