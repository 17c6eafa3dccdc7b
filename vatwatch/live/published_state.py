"""The live state as nodes hand it to each other: encoded whole, and decoded to an equal value.

A state is encoded in pieces, since one long encode or decode would hold the interpreter, and with
it the hub, for its whole time. Pure; both ways are for a native thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeAlias, get_type_hints
from zlib import crc32

import msgspec
from msgspec import Struct, structs
from zstandard import ZstdCompressor, ZstdDecompressor, frame_content_size

from vatwatch.feed.records import Feed
from vatwatch.live.encoding import ZSTD_LEVEL
from vatwatch.traffic.marks import NO_MARKS, Marks
from vatwatch.traffic.network_state import NetworkState

# Records in a piece: two milliseconds of work.
PIECE = 200
# Far more than any network; a few bytes can unpack to any size.
_MOST_BYTES = 2**28
# Of what the types below do not tell: the frame around the pieces, and the compression.
_FRAME = 1

# A field of the state, and a part of its value.
_Piece: TypeAlias = tuple[str, bytes]


class PublishedState(Struct, frozen=True):
    """What one node serves, as much as another one needs to serve the same.

    `feed` is without the people (`without_people`): the state has them. None as in `LiveChanged`.
    The areas are not in it: each node has its own files of them.
    """

    state: NetworkState
    feed: Feed | None = None
    recovered: bool = False
    marks: Marks = NO_MARKS
    fetched: bool = False
    """As in `LiveChanged`."""


class _Head(Struct, frozen=True):
    feed: Feed | None
    recovered: bool
    marks: Marks
    fetched: bool


_FIELDS: Mapping[str, Any] = get_type_hints(NetworkState)
_DECODERS = {name: msgspec.msgpack.Decoder(kind) for name, kind in _FIELDS.items()}
_FRAMES = msgspec.msgpack.Decoder(tuple[_Head, list[_Piece]])


@cache
def form_number() -> int:
    """The number of this form. It follows from the types of all that is encoded, so it is another
    one as soon as a field is."""
    told = f"{_FRAME} {PublishedState.__struct_fields__} {msgspec.inspect.type_info(NetworkState)}"
    return crc32(f"{told} {msgspec.inspect.type_info(_Head)}".encode())


def without_people(feed: Feed | None) -> Feed | None:
    """The feed's head and its lists of what does not fly: all that is served of it."""
    if feed is None:
        return None
    return structs.replace(feed, pilots=[], controllers=[], atis=[], prefiles=[])


def encode_state(published: PublishedState) -> bytes:
    """MessagePack, compressed: a megabyte for two thousand pilots.

    Raises:
        OverflowError: a number of the feed has more than 64 bits
    """
    head = _Head(published.feed, published.recovered, published.marks, published.fetched)
    pieces = [*_pieces(published.state)]
    return ZstdCompressor(level=ZSTD_LEVEL).compress(msgspec.msgpack.encode((head, pieces)))


def decode_state(encoded: bytes) -> PublishedState:
    """The value that was encoded.

    Raises:
        Exception: it is not of this form. Any program may have written it, so the possible errors
            cannot be listed
    """
    # What it says of itself is believed by the decompressor, whatever bound it is given.
    if frame_content_size(encoded) > _MOST_BYTES:
        raise ValueError("it unpacks to more than any live state has")
    plain = ZstdDecompressor().decompress(encoded, max_output_size=_MOST_BYTES)
    head, pieces = _FRAMES.decode(plain)
    fields: dict[str, Any] = {}
    for name, piece in pieces:
        part = _DECODERS[name].decode(piece)
        if isinstance(part, dict):
            fields.setdefault(name, {}).update(part)
        else:
            fields[name] = fields.get(name, ()) + part if isinstance(part, tuple) else part
    if fields.keys() != _FIELDS.keys():
        raise ValueError("it has not all fields of a state")
    return PublishedState(
        NetworkState(**fields), head.feed, head.recovered, head.marks, head.fetched
    )


def _pieces(state: NetworkState) -> Iterator[_Piece]:
    """All fields. A collection comes in several pieces, an empty one in one."""
    for name in _FIELDS:
        value = getattr(state, name)
        if not isinstance(value, dict | tuple):
            yield name, msgspec.msgpack.encode(value)
            continue
        records = iter(value.items() if isinstance(value, dict) else value)
        for start in range(0, max(len(value), 1), PIECE):
            part = islice(records, min(PIECE, len(value) - start))
            whole = dict(part) if isinstance(value, dict) else tuple(part)
            yield name, msgspec.msgpack.encode(whole)
