from __future__ import annotations

import msgspec
import pytest

from vatsim_simulator.faults import (
    KINDS,
    Bound,
    Drip,
    Freeze,
    Huge,
    MassDrop,
    StatusFault,
    from_json,
    from_option,
)
from vatsim_simulator.publication import FeedName


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ("freeze", Freeze()),
        ("freeze:3", Freeze(lasts="3")),
        ("freeze:feed=data,for=20s,after=2", Freeze(feed="data", lasts="20s", after=2)),
        ("mass_drop:0.5", MassDrop(share=0.5)),
        ("status:503,feed=data,for=3r", StatusFault(code=503, feed="data", lasts="3r")),
        ("drip:2,chunk_bytes=4,interval_s=0.5", Drip(seconds=2, chunk_bytes=4, interval_s=0.5)),
        ("huge:8,tells_length=true", Huge(megabytes=8, tells_length=True)),
    ],
)
def test_an_option_says_the_fault(option: str, fault: object) -> None:
    assert from_option(option) == fault


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_understood_as_json_and_as_an_option(kind: str) -> None:
    assert from_option(kind) == from_json(msgspec.json.encode({"fault": kind})) == KINDS[kind]()


@pytest.mark.parametrize(
    "option",
    [
        "",
        "earthquake",
        "status:99",
        "status:code=x",
        "drip:nan",
        "freeze:feed=status",
        "freeze:3r",
        "freeze:0",
        "freeze:for=",
        "freeze:colour=red",
        "older:5",
        "older:1,for=1.5r",
        "restart:2",
        "mass_drop:2",
        "truncated:1",
        "huge:100000",
    ],
)
def test_nonsense_in_an_option_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_option(option)


NONSENSE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b"{}",
    b'{"fault": []}',
    b'{"fault": "earthquake"}',
    b'{"fault": "freeze", "for": true}',
    b'{"fault": "freeze", "for": 1.5}',
    b'{"fault": "freeze", "for": -1}',
    b'{"fault": "freeze", "after": 1001}',
    b'{"fault": "freeze", "feed": "metar"}',
    b'{"fault": "freeze", "colour": "red"}',
    b'{"fault": "status", "code": 1e99}',
    b'{"fault": "status", "code": 200}',
    b'{"fault": "timeout", "seconds": 0}',
]


@pytest.mark.parametrize("raw", NONSENSE)
def test_nonsense_in_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(raw)


def test_a_fault_lasts_for_updates_seconds_or_requests() -> None:
    assert StatusFault(lasts=3).bound() == StatusFault(lasts="3").bound() == Bound(updates=3)
    assert StatusFault(lasts="2.5s").bound() == Bound(seconds=2.5)
    assert StatusFault(lasts="7r").bound() == Bound(requests=7)


def test_a_fault_of_all_feeds_touches_those_that_can_have_it() -> None:
    assert [feed for feed in FeedName if StatusFault().touches(feed)] == [*FeedName]
    assert [feed for feed in FeedName if StatusFault(feed="data").touches(feed)] == [FeedName.DATA]
    assert not Freeze().touches(FeedName.STATUS)
