"""A file is what its content says, and is checked before it replaces the one before it."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vatwatch.traffic.areas.given_file import (
    MOST_BYTES,
    AreaSetting,
    NotAreasError,
    must_not_shrink,
    read_given,
    unpacked,
)
from vatwatch.traffic.areas.known_areas import ReadFile

VATSPY = b"[Countries]\nNowhere|AA|Radar\n[FIRs]\nAAAA|Alpha||AAAA\nBBBB|Bravo||BBBB\n"
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def feature(**properties: object) -> dict[str, object]:
    polygon = {"type": "Polygon", "coordinates": [RING]}
    return {"type": "Feature", "properties": properties, "geometry": polygon}


def collection(*features: dict[str, object], **members: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", **members, "features": features}).encode()


FIRS = collection(*(feature(id=name, oceanic="0") for name in ("AAAA", "BBBB", "CCCC", "DDDD")))
TRACONS = collection(feature(id="A80", prefix=["ATL"], name="Atlanta"))


def read(data: bytes) -> ReadFile:
    return read_given(data, "the file", AreaSetting.POSITIONS)


@pytest.mark.parametrize(
    ("data", "kind", "count"), [(VATSPY, "vatspy", 2), (FIRS, "fir", 4), (TRACONS, "tracon", 1)]
)
def test_a_file_is_recognised_by_its_content_packed_or_not(
    data: bytes, kind: str, count: int
) -> None:
    plain = read(data)
    assert (plain.source.kind, plain.source.areas, plain.source.name) == (kind, count, "the file")
    half = len(data) // 2
    packed = gzip.compress(data[:half]) + gzip.compress(data[half:])
    for same in (packed, b"\xef\xbb\xbf" + data, gzip.compress(data)):
        assert read(same).source.kind == kind
    assert read(packed).digest == plain.digest


def test_a_single_feature_is_a_file_of_one_area() -> None:
    alone = read(json.dumps(feature(id="A80", prefix=["ATL"])).encode())
    assert (alone.source.kind, [area.area_id for area in alone.areas]) == ("tracon", ["A80"])


def test_the_cycle_is_what_the_file_says_or_its_digest() -> None:
    assert read(FIRS).source.cycle == read(FIRS).digest
    assert read(VATSPY).source.cycle == read(VATSPY).digest
    for member in ("cycle", "airac", "airac_cycle", "version"):
        assert read(collection(feature(id="A"), **{member: "2608"})).source.cycle == "2608"
    assert read(collection(feature(id="A"), cycle=2608)).source.cycle == "2608"
    for comment in (b"; AIRAC 2608", b"; VAT-Spy data, cycle: 2608"):
        assert read(comment + b"\n" + VATSPY).source.cycle == "2608"


def test_what_is_wrong_with_a_file_is_told_with_it() -> None:
    file = read(collection(feature(id="A"), feature(id="A"), {"properties": None}))
    assert (file.source.mended.same_ids, file.source.mended.unusable) == (1, 1)
    assert read(VATSPY + b"broken\n").source.mended.unusable == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# Readme\n",
        b"<!DOCTYPE html><p>Not found</p>",
        b'{"openapi": "3"}',
        b"\x00" * 9,
        b"[1]",
    ],
)
def test_what_has_nothing_of_areas_is_told_apart_from_a_broken_file(data: bytes) -> None:
    with pytest.raises(NotAreasError, match="the file"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        FIRS[: len(FIRS) // 2],
        gzip.compress(FIRS)[:-20],
        gzip.compress(FIRS)[:20] + b"\xff" * 200,
        collection(),
        collection({"properties": {}}),
        b"[FIRs]\nno row\n",
    ],
)
def test_a_broken_file_is_refused_with_its_name(data: bytes) -> None:
    with pytest.raises(ValueError, match="the file") as refused:
        read(data)
    assert not isinstance(refused.value, NotAreasError)


def test_a_file_that_unpacks_to_more_than_the_bound_is_refused() -> None:
    zeros = gzip.compress(bytes(MOST_BYTES))
    assert len(unpacked(zeros, "the file")) == MOST_BYTES
    for large in (
        gzip.compress(bytes(MOST_BYTES + 1)),
        zeros + gzip.compress(b"1"),
        bytes(MOST_BYTES + 1),
    ):
        with pytest.raises(ValueError, match="the file has more than 32 MiB"):
            unpacked(large, "the file")


def test_a_file_with_less_than_half_of_what_there_was_is_refused() -> None:
    four = read(FIRS)
    two, one = (replace(four, source=replace(four.source, areas=areas)) for areas in (2, 1))
    must_not_shrink(two, four)
    must_not_shrink(four, one)
    with pytest.raises(ValueError, match="only 1 of 4 areas"):
        must_not_shrink(one, four)
    with pytest.raises(ValueError, match="another content"):
        must_not_shrink(read(TRACONS), four)


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda end: FIRS[:150] + end))
def test_any_content_is_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        read(data)
