"""One update as it is served: the bodies of both feeds, encoded once."""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from vatsim_simulator.stamps import TICKS_PER_S, from_ticks, stamp, to_ticks
from vatwatch.feed.records import ClientRadios, Feed, General
from vatwatch.feed.times import parse_time

# Ten times faster than the smallest, and a fifth larger.
GZIP_LEVEL = 1
GZIP_FORMAT = 16 + zlib.MAX_WBITS

_encoder = msgspec.json.Encoder()


class FeedName(StrEnum):
    """What is served."""

    DATA = "data"
    TRANSCEIVERS = "transceivers"
    STATUS = "status"


class FeedBody(Struct, frozen=True):
    """A body, plain and compressed."""

    raw: bytes
    gzipped: bytes

    @classmethod
    def of(cls, raw: bytes) -> FeedBody:
        """Compress it once, before any request: a large one takes a tenth of a second."""
        compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
        return cls(raw, compressor.compress(raw) + compressor.flush())


class UpdateCounts(Struct, frozen=True):
    """Facts about an update: its number (the first is 0), its time, its good records."""

    number: int
    update_timestamp: str
    pilots: int
    controllers: int
    atis: int
    prefiles: int
    bad_records: int = 0


class Publication(Struct, frozen=True):
    """One update."""

    counts: UpdateCounts
    data: FeedBody
    transceivers: FeedBody

    def body(self, feed: FeedName) -> FeedBody:
        """The body of one of its two feeds."""
        return self.data if feed is FeedName.DATA else self.transceivers


def publish(
    number: int,
    feed: Feed,
    radios: list[ClientRadios],
    *,
    drop: float = 0.0,
    bad_records: int = 0,
    clock_s: float = 0.0,
) -> Publication:
    """Encode an update.

    `drop`: this share of the pilots is missing, the same ones in each update. `bad_records`: so
    many records have values of a wrong type, and only the rest is counted. `clock_s`: the feed's
    own time is wrong by so much.
    """
    if clock_s:
        feed = msgspec.structs.replace(feed, general=_shifted(feed.general, clock_s))
    if drop:
        feed = msgspec.structs.replace(
            feed, pilots=[pilot for pilot in feed.pilots if not _dropped(pilot.callsign, drop)]
        )
        radios = [client for client in radios if not _dropped(client.callsign, drop)]
    sections: dict[str, list[Any]] = {
        "pilots": [*feed.pilots],
        "controllers": [*feed.controllers],
        "atis": [*feed.atis],
        "prefiles": [*feed.prefiles],
    }
    spoilt = _spoil(sections, bad_records) if bad_records else {}
    body: Any = feed
    if bad_records:
        body = {**{name: getattr(feed, name) for name in feed.__struct_fields__}, **sections}
    return Publication(
        counts=UpdateCounts(
            number=number,
            update_timestamp=feed.general.update_timestamp,
            pilots=len(feed.pilots) - spoilt.get("pilots", 0),
            controllers=len(feed.controllers) - spoilt.get("controllers", 0),
            atis=len(feed.atis) - spoilt.get("atis", 0),
            prefiles=len(feed.prefiles) - spoilt.get("prefiles", 0),
            bad_records=sum(spoilt.values()),
        ),
        data=FeedBody.of(_encoder.encode(body)),
        transceivers=FeedBody.of(_encoder.encode(radios)),
    )


def _shifted(general: General, seconds: float) -> General:
    """The head with another time."""
    ticks = to_ticks(parse_time(general.update_timestamp)) + round(seconds * TICKS_PER_S)
    return msgspec.structs.replace(
        general, update_timestamp=stamp(ticks), update=f"{from_ticks(ticks):%Y%m%d%H%M%S}"
    )


def _dropped(callsign: str, share: float) -> bool:
    # Stations have an underscore in their callsign, pilots have not.
    return "_" not in callsign and zlib.crc32(callsign.encode()) % 10_000 < share * 10_000


def _spoil(sections: dict[str, list[Any]], number: int) -> dict[str, int]:
    """Put wrong types into so many records, in turn through the sections; how many in each."""
    wrong: list[tuple[str, Any]] = [
        ("latitude", "north"),
        ("cid", None),
        ("callsign", ["nobody"]),
    ]
    spoilt: dict[str, int] = {}
    places = [
        (name, index)
        for index in range(max(map(len, sections.values()), default=0))
        for name, records in sections.items()
        if index < len(records)
    ]
    for turn, (name, index) in enumerate(places[:number]):
        record: dict[str, Any] = msgspec.to_builtins(sections[name][index])
        fitting = [(key, value) for key, value in wrong if key in record]
        key, value = fitting[turn % len(fitting)]
        record[key] = value
        sections[name][index] = record
        spoilt[name] = spoilt.get(name, 0) + 1
    return spoilt
