"""One of the operator's files: what it is, by its content, and what it has.

The content decides, not the name. The forms:

- `VATSpy.dat`: text with a section `[FIRs]`.
- GeoJSON, a collection or a single feature. If a feature has a prefix or a suffix of callsigns, the
  file has approach units in SimAware's form, else boundaries in VATSpy's.
- In `VATWATCH_SECTORS`, all GeoJSON has sectors.

Any of them may be packed with gzip.

A new file is taken in the place of the last good one if it can be read, has one usable area at
least, and has not suddenly less than half of the areas (`must_not_shrink`): what is left of a file
that a program writes at this moment is a file, too.
"""

from __future__ import annotations

import re
import zlib
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from vatwatch.traffic.areas.area_file import APPROACH, read_areas
from vatwatch.traffic.areas.known_areas import AreaSource, ReadFile
from vatwatch.traffic.areas.mended_geometry import Mended
from vatwatch.traffic.areas.vatspy import read_vatspy
from vatwatch.traffic.areas.volumes import read_sectors

# Sixteen times VATSpy's boundaries, the largest that are known.
MOST_BYTES = 32 * 1024 * 1024
# Below this share of what there was before, a file is not believed.
LEAST_SHARE = 0.5
_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1024 * 1024
# How files name their cycle: GeoJSON in a member beside the features, VATSpy.dat in a comment.
_MEMBERS = ("cycle", "airac", "airac_cycle", "version")
_COMMENT = re.compile(
    rb"^\s*;.*?\b(?:airac|cycle|version)\b[^0-9\r\n]{0,12}([0-9][0-9./-]*)", re.I | re.M
)
_SECTION = re.compile(rb"^\s*\[firs\]", re.I | re.M)
_HEAD_BYTES = 4096


class AreaSetting(StrEnum):
    """Which setting has named a file."""

    POSITIONS = "VATWATCH_POSITIONS_DATA"
    SECTORS = "VATWATCH_SECTORS"


class GivenPlace(NamedTuple):
    """What the operator has named: a file, a directory or an address."""

    setting: AreaSetting
    given: str


class NotAreasError(ValueError):
    """The content is nothing of areas at all: a README, a page of HTML."""


class _Properties(Struct):
    properties: msgspec.Raw = msgspec.Raw(b"null")


class _Head(Struct):
    """What tells the kind of a GeoJSON file, without its coordinates."""

    type: Any = None
    features: list[_Properties] | None = None
    properties: msgspec.Raw = msgspec.Raw(b"null")
    cycle: Any = None
    airac: Any = None
    airac_cycle: Any = None
    version: Any = None


def read_given(data: bytes, name: str, setting: AreaSetting) -> ReadFile:
    """Read a file.

    For a native thread: it computes for a quarter of a second on VATSpy's boundaries, and lets the
    interpreter go in between.

    Args:
        data: its content, packed or not
        name: for the errors and the answers
        setting: which has named it

    Raises:
        NotAreasError: it is none of the forms
        ValueError: it is, but cannot be used; the text says why
    """
    data = unpacked(data, name)
    digest = content_digest(data)
    begin = data[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin[:1] == b"{":
        return _geojson(data.removeprefix(b"\xef\xbb\xbf"), name, setting, digest)
    if setting is AreaSetting.POSITIONS and _SECTION.search(data):
        vatspy = read_vatspy(data, name)
        told = _COMMENT.search(data[:_HEAD_BYTES])
        cycle = digest if told is None else told[1].decode("ascii")
        mended = Mended(unusable=vatspy.unreadable, told=vatspy.told)
        source = AreaSource(name, "vatspy", cycle, len(vatspy.firs), mended)
        return ReadFile(source, digest, vatspy=vatspy)
    if begin[:1] == b"<":
        raise NotAreasError(f"{name} is HTML or XML: perhaps a page that says what is wrong")
    if setting is AreaSetting.SECTORS:
        raise NotAreasError(f"{name} is not GeoJSON")
    raise NotAreasError(f"{name} is neither VATSpy.dat nor GeoJSON")


def must_not_shrink(new: ReadFile, before: ReadFile) -> None:
    """Check a file against the last good one of the same name.

    Raises:
        ValueError: it has less than half of the areas, or is of another kind
    """
    name, was, now = new.source.name, before.source, new.source
    if was.kind != now.kind:
        raise ValueError(f"{name} has another content than before ({now.kind}, not {was.kind})")
    if now.areas < was.areas * LEAST_SHARE:
        raise ValueError(
            f"{name} has only {now.areas} of {was.areas} areas; if that is meant, give it another "
            "name"
        )


def unpacked(data: bytes, name: str) -> bytes:
    """The content of a gzip file; other data as they are.

    Raises:
        ValueError: it is damaged, or larger than `MOST_BYTES`
    """
    out: list[bytes] = []
    size = 0
    while data[:2] == _GZIP_MAGIC:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            try:
                piece = member.decompress(data, _PIECE)
            except zlib.error as error:
                raise ValueError(f"{name} is damaged: it is not valid gzip") from error
            data = member.unconsumed_tail
            if not piece and not data and not member.eof:
                raise ValueError(f"{name} is cut off: its gzip ends too early")
            size += len(piece)
            if size > MOST_BYTES:
                raise ValueError(too_large(name))
            out.append(piece)
        data = member.unused_data
    if out:
        return b"".join(out)
    if len(data) > MOST_BYTES:
        raise ValueError(too_large(name))
    return data


def content_digest(data: bytes) -> str:
    """Stands for an unpacked content."""
    return blake2b(data, digest_size=8).hexdigest()


def too_large(name: str) -> str:
    """The error for a file beyond the bound."""
    return f"{name} has more than {MOST_BYTES // 1024 // 1024} MiB"


def _geojson(data: bytes, name: str, setting: AreaSetting, digest: str) -> ReadFile:
    try:
        head = msgspec.json.decode(data, type=_Head)
    except msgspec.ValidationError:
        raise NotAreasError(f"{name} is JSON, but not GeoJSON") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name} is not valid JSON: {error}") from error
    told = next((getattr(head, member) for member in _MEMBERS if _is_text(head, member)), digest)
    features = head.features or [_Properties(head.properties)]
    if head.features is None and head.type != "Feature":
        raise NotAreasError(f"{name} is JSON, but not GeoJSON with features")
    if setting is AreaSetting.SECTORS:
        read = read_sectors(data, name, str(told))
        source = AreaSource(name, "sector", str(told), len(read.volumes), read.mended)
        return ReadFile(source, digest, sectors=read.volumes)
    kind = APPROACH if any(_has_prefix(one.properties) for one in features) else "fir"
    file = read_areas(data, name, kind)
    source = AreaSource(name, kind, str(told), len(file.areas), file.mended)
    return ReadFile(source, digest, areas=file.areas)


def _is_text(head: _Head, member: str) -> bool:
    return isinstance(getattr(head, member), str | int) and bool(getattr(head, member))


def _has_prefix(properties: msgspec.Raw) -> bool:
    try:
        said = msgspec.json.decode(properties)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(said, dict) and ("prefix" in said or "suffix" in said)
