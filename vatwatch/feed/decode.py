"""Decodes the feed's bytes into typed records. A bad value or record does not affect the others.

The fast way splits each list into records and decodes each record into its type. That takes 50 %
more time than decoding the whole body at once, which would hold the interpreter, and with it the
hub, all that time. The tolerant way is used only where the fast one has failed: for a record, value
by value (`shapes`); for a body that is not JSON, bracket by bracket (`scan`, `lenient`).
docs/reading.md says what is read as what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from vatwatch.counting import counted
from vatwatch.errors import (
    FeedEmpty,
    FeedError,
    FeedMalformed,
    FeedNotJson,
    FeedTimeInvalid,
    FeedTruncated,
)
from vatwatch.feed import shapes
from vatwatch.feed.lenient import read
from vatwatch.feed.mend import mend
from vatwatch.feed.quarantine import Quarantine, Quarantined
from vatwatch.feed.records import (
    Atis,
    ClientRadios,
    Controller,
    Feed,
    General,
    Pilot,
    Prefile,
    Transceiver,
)
from vatwatch.feed.scan import scan
from vatwatch.feed.shapes import ReadRecord, Shape, read_record
from vatwatch.feed.times import parse_time
from vatwatch.feed.unread import Unread, UnreadLists

# What a decoder raises: not JSON or another shape, not UTF-8, nested too deep.
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

NULL = b"null"

LISTS = (
    "pilots",
    "controllers",
    "atis",
    "prefiles",
    "servers",
    "facilities",
    "ratings",
    "pilot_ratings",
    "military_ratings",
)

T = TypeVar("T", bound=Struct)
P = TypeVar("P", Pilot, Controller, Atis)
K = TypeVar("K", bound=Hashable)


class Tally(Struct, frozen=True, gc=False):
    """Counts for one kind of record: how many the feed has, and how many could be read."""

    sent: int
    read: int


class DecodedFeed(Struct, frozen=True):
    """The good records of a feed, and what is known about the others.

    `set_aside` counts the records that could not be used; `quarantined` holds the first of them.
    `lost` counts the values of good records that could not be read, by `kind.field`. `tallies` are
    by kind: pilot, controller, atis, prefile.
    """

    feed: Feed
    quarantined: tuple[Quarantined, ...]
    set_aside: int = 0
    unread: UnreadLists = UnreadLists()
    lost: dict[str, int] = {}
    tallies: dict[str, Tally] = {}


class DecodedRadios(Struct, frozen=True):
    """The radios of each client, and the unusable ones."""

    radios: list[ClientRadios]
    quarantined: tuple[Quarantined, ...]
    set_aside: int = 0
    lost: dict[str, int] = {}
    tally: Tally = Tally(0, 0)


class _Head(Struct):
    general: Raw = Raw(b"null")


class _Sections(Struct):
    """The feed with its parts left as bytes."""

    general: Raw = Raw(b"null")
    pilots: Raw = Raw(b"null")
    controllers: Raw = Raw(b"null")
    atis: Raw = Raw(b"null")
    prefiles: Raw = Raw(b"null")
    servers: Raw = Raw(b"null")
    facilities: Raw = Raw(b"null")
    ratings: Raw = Raw(b"null")
    pilot_ratings: Raw = Raw(b"null")
    military_ratings: Raw = Raw(b"null")


class _Body(NamedTuple):
    """A body in parts: its head, the records of its lists, and members that are not lists."""

    general: bytes
    lists: dict[str, Sequence[bytes | Raw]]
    wrong: dict[str, bytes]


_HEAD = msgspec.json.Decoder(_Head)
_SECTIONS = msgspec.json.Decoder(_Sections)
_RAWS = msgspec.json.Decoder(list[Raw])
_DECODERS: dict[type[Struct], msgspec.json.Decoder[Any]] = {
    # Not strict: a number as a text, or 1019.0 for 1019, is accepted.
    shape.record: msgspec.json.Decoder(shape.record, strict=False)
    for shape in vars(shapes).values()
    if isinstance(shape, Shape)
}


def peek(raw: bytes) -> General:
    """The feed's head. The rest is only checked to be JSON, or readable like it.

    Raises:
        FeedEmpty: there is nothing
        FeedNotJson: its beginning is not that of a feed
        FeedTruncated: it ends too early, so an unknown number of records is missing
        FeedMalformed: it has no `general.update_timestamp`, or one that is not a valid time of the
            network
    """
    try:
        head = bytes(_HEAD.decode(raw).general)
    except UNDECODABLE:
        head = _tolerantly(raw).general
    return _head(head, Counter())


def decode_feed(raw: bytes, *, keep_names: bool = True) -> DecodedFeed:
    """Decode a whole feed. Without `keep_names` no name gets into the quarantine. Raises as `peek`
    does."""
    try:
        body = _taken_apart(_SECTIONS.decode(raw))
    except UNDECODABLE:
        body = _tolerantly(raw)
    lost: Counter[str] = Counter()
    general = _head(body.general, lost)
    reading = _Reading(general.update_timestamp, Quarantine(keep_names=keep_names), lost, body, raw)
    seen: set[str] = set()
    pilots, no_pilots = reading.people(shapes.PILOT, "pilots", seen)
    controllers, no_controllers = reading.people(shapes.CONTROLLER, "controllers", seen)
    atis, no_atis = reading.people(shapes.ATIS, "atis", seen)
    prefiles, no_prefiles = reading.prefiles()
    feed = Feed(
        general=general,
        pilots=pilots,
        controllers=controllers,
        atis=atis,
        prefiles=prefiles,
        servers=reading.each(shapes.SERVER, "servers"),
        facilities=reading.each(shapes.FACILITY, "facilities"),
        ratings=reading.each(shapes.RATING, "ratings"),
        pilot_ratings=reading.each(shapes.PILOT_RATING, "pilot_ratings"),
        military_ratings=reading.each(shapes.MILITARY_RATING, "military_ratings"),
    )
    return DecodedFeed(
        feed,
        reading.quarantine.records,
        reading.quarantine.count,
        UnreadLists(no_pilots, no_controllers, no_atis, no_prefiles),
        dict(lost),
        reading.tallies,
    )


def decode_radios(raw: bytes, *, keep_names: bool = True) -> DecodedRadios:
    """Decode the transceivers feed, an array without a head. Raises FeedError as `peek` does."""
    records: Sequence[bytes | Raw] | None
    try:
        records = _RAWS.decode(raw)
    except UNDECODABLE:
        records = _tolerantly(raw, first_key="callsign").lists.get("")
    if records is None:
        raise FeedMalformed("the radios are not a list")
    lost: Counter[str] = Counter()
    body = _Body(NULL, {"radios": records}, {})
    reading = _Reading("", Quarantine(keep_names=keep_names), lost, body, raw)
    return DecodedRadios(
        reading.radios(),
        reading.quarantine.records,
        reading.quarantine.count,
        dict(lost),
        reading.tallies["radios"],
    )


# --- bodies ---------------------------------------------------------------------------------------


def _taken_apart(sections: _Sections) -> _Body:
    body = _Body(bytes(sections.general), {}, {})
    for name in LISTS:
        section: Raw = getattr(sections, name)
        try:
            body.lists[name] = _RAWS.decode(section)
        except msgspec.ValidationError:
            if bytes(section) != NULL:
                body.wrong[name] = bytes(section)
    return body


def _tolerantly(raw: bytes, first_key: str = "cid") -> _Body:
    """Split a body that is not JSON, or does not have the feed's shape."""
    body = mend(raw).strip()
    if not body:
        raise FeedEmpty("the body is empty")
    if body[:1] not in (b"{", b"["):
        raise _not_json(body)
    scanned = scan(body.decode(), first_key=first_key, lists=LISTS)
    if not scanned.closed:
        raise FeedTruncated(f"it ends too early, after {counted(len(raw), 'byte')}")
    members = {name: text.encode() for name, text in scanned.members.items()}
    return _Body(
        general=members.pop("general", NULL),
        lists={name: [one.encode() for one in found] for name, found in scanned.lists.items()},
        wrong={name: text for name, text in members.items() if text != NULL},
    )


def _not_json(body: bytes) -> FeedError:
    try:
        msgspec.json.decode(body, type=Raw)
    except UNDECODABLE:
        # The body is not quoted: if its beginning is lost, it may begin with anything, also with
        # names.
        what = "an HTML page" if body[:1] == b"<" else "something else"
        return FeedNotJson(f"not JSON, but {what} of {counted(len(body), 'byte')}")
    return FeedMalformed("not the feed's shape: it is one value")


def _head(raw: bytes, lost: Counter[str]) -> General:
    found = read_record(shapes.GENERAL, _members(raw), "", lost)
    if found.record is None:
        raise FeedTimeInvalid(f"general: {found.reason}")
    parse_time(found.record.update_timestamp)
    return found.record


def _members(raw: bytes | Raw) -> Any:
    """What JSON holds, however wrong it is."""
    mended = mend(bytes(raw))
    try:
        return msgspec.json.decode(mended)
    except UNDECODABLE:
        return read(mended.decode())


# --- records --------------------------------------------------------------------------------------


class _Reading:
    """The state of reading one body: what was found, quarantined and lost so far."""

    def __init__(
        self, moment: str, quarantine: Quarantine, lost: Counter[str], body: _Body, raw: bytes
    ) -> None:
        self._body = body
        self._moment = moment
        self.quarantine = quarantine
        self._lost = lost
        # PostgreSQL's texts cannot hold NUL; the tolerant way takes it out.
        self._has_nul = b"\\u0000" in raw
        self.tallies: dict[str, Tally] = {}

    def each(self, shape: Shape[T], name: str) -> list[T]:
        """The records of a list that is not about people."""
        good: list[T] = []
        for raw in self._records(shape, name) or ():
            found = self._read(shape, raw)
            if found.record is None:
                self._set_aside(shape, found, raw)
            else:
                good.append(found.record)
        return good

    def people(self, shape: Shape[P], name: str, seen: set[str]) -> tuple[list[P], Unread]:
        """The records without duplicate callsigns: a callsign is unique in one snapshot."""
        return self._each_once(shape, name, seen, _callsign)

    def prefiles(self) -> tuple[list[Prefile], Unread]:
        """One person may file several under one callsign, at different times."""
        return self._each_once(shapes.PREFILE, "prefiles", set(), _filed)

    def radios(self) -> list[ClientRadios]:
        """The clients, each with its readable radios."""
        return self._each_once(shapes.CLIENT, "radios", set(), _callsign)[0]

    def _records(self, shape: Shape[T], name: str) -> Sequence[bytes | Raw] | None:
        """The records of a list; None if it is missing, null or no list."""
        if name in self._body.wrong:
            self.quarantine.add(shape.kind, "", "not a list", self._body.wrong[name], {})
        return self._body.lists.get(name)

    def _each_once(
        self, shape: Shape[T], name: str, seen: set[K], key_of: Callable[[T], K]
    ) -> tuple[list[T], Unread]:
        raws = self._records(shape, name)
        if raws is None:
            return [], Unread(whole=True)
        good: list[T] = []
        named: set[tuple[int | None, str]] = set()
        nameless = 0
        decode, is_whole = _DECODERS[shape.record].decode, shape.is_whole
        for raw in raws:
            # The usual case: every value is valid.
            try:
                found: T = decode(raw)
            except UNDECODABLE:
                pass
            else:
                if is_whole(found) and not (self._has_nul and b"\\u0000" in bytes(raw)):
                    key = key_of(found)
                    if key not in seen:
                        seen.add(key)
                        good.append(found)
                        continue
            slow = self._read(shape, raw)
            if slow.record is not None:
                if (key := key_of(slow.record)) not in seen:
                    seen.add(key)
                    good.append(slow.record)
                    continue
                slow = replace(slow, record=None, reason="a second one in the same feed")
            self._set_aside(shape, slow, raw)
            if slow.cid is not None or slow.callsign:
                named.add((slow.cid, slow.callsign))
            else:
                nameless += 1
        self.tallies[shape.kind] = Tally(len(raws), len(good))
        return good, Unread(frozenset(named), nameless)

    def _read(self, shape: Shape[T], raw: bytes | Raw) -> ReadRecord[T]:
        """Read a record value by value."""
        found = read_record(shape, _members(raw), self._moment, self._lost)
        if isinstance(found.record, ClientRadios):
            return replace(found, record=self._with_radios(found.record, bytes(raw)))
        return found

    def _with_radios(self, client: ClientRadios, raw: bytes) -> ClientRadios:
        """The client with its readable radios; the others are quarantined."""
        radios: list[Transceiver] = []
        for members in client.transceivers:
            found = read_record(shapes.RADIO, members, self._moment, self._lost)
            if found.record is None:
                self.quarantine.add(
                    shapes.CLIENT.kind, client.callsign, found.reason, raw, found.readable
                )
            else:
                radios.append(found.record)
        return replace(client, transceivers=radios)

    def _set_aside(self, shape: Shape[T], found: ReadRecord[T], raw: bytes | Raw) -> None:
        self.quarantine.add(shape.kind, found.callsign, found.reason, bytes(raw), found.readable)


_callsign: Callable[[Any], str] = attrgetter("callsign")


def _filed(prefile: Prefile) -> tuple[int, str, datetime]:
    return prefile.cid, prefile.callsign, parse_time(prefile.last_updated)
