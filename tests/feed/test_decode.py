"""Decoding: real captures whole, and every way in which a feed can be wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.errors import FeedEmpty, FeedError, FeedMalformed, FeedNotJson, FeedTruncated
from vatwatch.feed.decode import decode_feed, decode_radios, peek
from vatwatch.feed.quarantine import RECORD_LIMIT

TIME = "2024-01-01T12:00:10.1234567Z"
KINDS = {"pilots": "pilot", "controllers": "controller", "atis": "atis", "prefiles": "prefile"}


def pilot(number: int, **other: object) -> dict[str, Any]:
    return {
        "cid": number,
        "callsign": f"ABC{number}",
        "latitude": 1.5,
        "longitude": -2.25,
        "altitude": 35_000,
        "groundspeed": 430,
        "heading": 360,
        "logon_time": TIME,
        "last_updated": TIME,
        "name": "Zoë \U0001f6e9",
        **other,
    }


def station(number: int, suffix: str) -> dict[str, Any]:
    return {
        "cid": number,
        "callsign": f"E{number}_{suffix}",
        "frequency": "118.500",
        "facility": 4,
        "rating": 3,
        "logon_time": TIME,
        "last_updated": TIME,
    }


def feed(**sections: object) -> dict[str, Any]:
    """A small feed of good records."""
    return {
        "general": {"update_timestamp": TIME},
        "pilots": [pilot(n) for n in (1, 2, 3)],
        "controllers": [station(n, "TWR") for n in (4, 5)],
        "atis": [station(n, "ATIS") for n in (6, 7)],
        "prefiles": [
            {"cid": n, "callsign": f"PRE{n}", "flight_plan": {"route": "DCT"}, "last_updated": TIME}
            for n in (8, 9)
        ],
        **sections,
    }


def body(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def callsigns(raw: bytes) -> dict[str, list[str]]:
    decoded = decode_feed(raw).feed
    return {kind: [r.callsign for r in getattr(decoded, kind)] for kind in KINDS}


def reasons(raw: bytes) -> list[tuple[str, str, str]]:
    return [(q.kind, q.callsign, q.reason) for q in decode_feed(raw).quarantined]


# --- what the network really sent ----------------------------------------------------------------


def test_every_capture_decodes_whole_and_nothing_of_it_is_quarantined(captures: Path) -> None:
    files = sorted(captures.glob("vatsim-data-*.json.gz"))
    assert len(files) >= 8
    for file in files:
        raw = gzip.decompress(file.read_bytes())
        naive = json.loads(raw)
        decoded = decode_feed(raw)
        assert decoded.quarantined == (), file.name
        assert peek(raw) == decoded.feed.general
        for kind in KINDS:
            records = getattr(decoded.feed, kind)
            assert [(r.cid, r.callsign) for r in records] == [
                (r["cid"], r["callsign"]) for r in naive[kind]
            ], f"{file.name} {kind}"
        for kind in ("servers", "facilities", "ratings", "pilot_ratings", "military_ratings"):
            assert len(getattr(decoded.feed, kind)) == len(naive.get(kind, [])), kind


def test_every_radio_of_a_transceivers_feed_is_there(captures: Path) -> None:
    for file in sorted(captures.glob("transceivers-data-*.json.gz")):
        raw = gzip.decompress(file.read_bytes())
        decoded = decode_radios(raw)
        assert decoded.quarantined == ()
        assert [(c.callsign, [t.frequency for t in c.transceivers]) for c in decoded.radios] == [
            (c["callsign"], [t["frequency"] for t in c["transceivers"]]) for c in json.loads(raw)
        ]


def test_a_record_comes_through_with_every_value_as_it_was_sent(captures: Path) -> None:
    raw = gzip.decompress(max(captures.glob("vatsim-data-*.json.gz")).read_bytes())
    naive = {p["callsign"]: p for p in json.loads(raw)["pilots"]}
    for record in decode_feed(raw).feed.pilots:
        sent = naive[record.callsign]
        for name in set(record.__struct_fields__) - {"flight_plan"}:
            assert getattr(record, name) == sent[name], name
        if record.flight_plan is None:
            assert sent["flight_plan"] is None
        else:
            for name in record.flight_plan.__struct_fields__:
                assert getattr(record.flight_plan, name) == sent["flight_plan"][name], name


# --- one bad record ------------------------------------------------------------------------------

Damage = Callable[[dict[str, Any]], object]


def without(key: str) -> Damage:
    return lambda record: {k: v for k, v in record.items() if k != key}


def having(key: str, value: object) -> Damage:
    return lambda record: {**record, key: value}


DAMAGE: list[Damage] = [
    *(without(key) for key in ("cid", "callsign")),
    *(having("cid", value) for value in (None, "x", -1, 2**31, 2**80, 1.5, [1], {}, True)),
    *(having("callsign", value) for value in (None, 7.5, "", "TWO WORDS", "X" * 21, "A\u0001", [])),
    lambda _: None,
    lambda _: "a text",
    lambda _: [],
    lambda _: 12.5,
    lambda _: {},
]


@given(
    hits=st.dictionaries(
        st.sampled_from(
            [(kind, index) for kind in KINDS for index in range(3 if kind == "pilots" else 2)]
        ),
        st.sampled_from(DAMAGE),
        min_size=1,
        max_size=5,
    )
)
def test_a_bad_record_costs_exactly_itself(hits: dict[tuple[str, int], Damage]) -> None:
    content = feed()
    good = {
        kind: [r["callsign"] for index, r in enumerate(content[kind]) if (kind, index) not in hits]
        for kind in KINDS
    }
    for (kind, index), damage in hits.items():
        content[kind][index] = damage(content[kind][index])
    raw = body(content)
    assert callsigns(raw) == good
    assert sorted(q[0] for q in reasons(raw)) == sorted(KINDS[kind] for kind, _ in hits)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("latitude", 90.5, "latitude cannot be read"),
        ("latitude", None, "latitude is missing"),
        ("longitude", -181, "longitude cannot be read"),
        ("longitude", "east", "longitude cannot be read"),
        ("cid", -1, "cid cannot be read"),
    ],
)
def test_a_pilot_without_a_name_or_a_place_is_of_no_use_and_the_reason_names_the_value(
    key: str, value: object, reason: str
) -> None:
    raw = body(feed(pilots=[pilot(1, **{key: value}), pilot(2)]))
    assert callsigns(raw)["pilots"] == ["ABC2"]
    assert reasons(raw) == [("pilot", "ABC1", reason)]


def test_values_that_the_network_is_known_to_send_are_not_faults() -> None:
    odd = {"heading": 0, "altitude": -98, "groundspeed": 1636, "qnh_i_hg": -11.4, "qnh_mb": -385}
    texts = {"transponder": "9999", "new_key": {"of": ["next year"]}, "flight_plan": None}
    content = feed(pilots=[pilot(1, **odd, **texts)], unheard_of=[1])
    assert reasons(body(content)) == []


def test_a_number_sent_as_a_text_or_with_a_point_is_read() -> None:
    raw = body(feed(pilots=[pilot(1, altitude="100", heading=90.0)]))
    assert reasons(raw) == []
    assert decode_feed(raw).feed.pilots[0].altitude == 100


def test_a_callsign_a_second_time_is_quarantined_whatever_the_kind() -> None:
    twice = {**station(9, "TWR"), "callsign": "ABC1"}
    raw = body(feed(pilots=[pilot(1), pilot(1, cid=7)], controllers=[twice]))
    assert callsigns(raw)["pilots"] == ["ABC1"]
    assert callsigns(raw)["controllers"] == []
    assert {q[1:] for q in reasons(raw)} == {("ABC1", "a second one in the same feed")}


def test_one_cid_may_come_twice_under_two_callsigns() -> None:
    assert reasons(body(feed(pilots=[pilot(1), pilot(2, cid=1)]))) == []


def test_a_prefile_is_a_second_one_only_if_filed_at_the_same_time() -> None:
    one = feed()["prefiles"][0]
    later = {**one, "last_updated": "2024-01-01T12:00:11Z"}
    raw = body(feed(prefiles=[one, later, one]))
    assert callsigns(raw)["prefiles"] == ["PRE8", "PRE8"]
    assert reasons(raw) == [("prefile", "PRE8", "a second one in the same feed")]


def test_two_spellings_of_one_time_are_one_prefile() -> None:
    one = {**feed()["prefiles"][0], "last_updated": "2024-01-01T12:00:10Z"}
    for again in ("2024-01-01T12:00:10.0000000Z", "2024-01-01T14:00:10+02:00"):
        raw = body(feed(prefiles=[one, {**one, "last_updated": again}]))
        assert callsigns(raw)["prefiles"] == ["PRE8"]


def test_a_list_that_is_none_costs_only_itself() -> None:
    for wrong in ({}, 7, "pilots"):
        raw = body(feed(pilots=wrong))
        assert callsigns(raw) == {**callsigns(body(feed())), "pilots": []}
        assert reasons(raw) == [("pilot", "", "not a list")]
        assert decode_feed(raw).unread.pilots.whole


def test_of_a_list_that_is_missing_or_null_nothing_is_known() -> None:
    for content in ({}, dict.fromkeys(("pilots", "controllers", "atis", "prefiles"))):
        decoded = decode_feed(body({"general": {"update_timestamp": TIME}, **content}))
        assert decoded.feed.pilots == decoded.feed.prefiles == []
        assert decoded.quarantined == ()
        assert decoded.tallies == {}
        unread = decoded.unread
        assert unread.pilots.whole
        assert unread.controllers.whole
        assert unread.atis.whole
        assert unread.prefiles.whole


@pytest.mark.parametrize("wrong", [2**31, None, "many", [], True])
def test_a_count_in_the_head_that_cannot_be_read_is_unknown(wrong: object) -> None:
    head = {"update_timestamp": TIME, "connected_clients": wrong, "unique_users": 7}
    raw = body(feed(general={**head, "version": "3.1", "reload": None, "update": 20240101}))
    decoded = decode_feed(raw)
    assert decoded.feed.general.connected_clients is None
    assert decoded.feed.general.unique_users == 7
    assert peek(raw) == decoded.feed.general
    assert callsigns(raw) == callsigns(body(feed()))
    assert decoded.quarantined == ()


def test_a_quarantined_record_is_kept_cut_and_fit_for_the_database() -> None:
    name = "\x00" + "é" * 3 * RECORD_LIMIT
    (bad,) = decode_feed(body(feed(pilots=[pilot(1, cid="x", name=name)]))).quarantined
    assert bad.callsign == "ABC1"
    assert len(bad.record) == RECORD_LIMIT
    assert "\x00" not in bad.record


# --- texts that are not as they should be --------------------------------------------------------


def with_name(name: bytes) -> bytes:
    """A feed in which one pilot's name is these bytes."""
    return body(feed(pilots=[pilot(1, name="NAME"), pilot(2)])).replace(b"NAME", name)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb"a\u0000b", "ab"),
        (rb"a\\u0000b", r"a\u0000b"),
        (rb"a\ud800b", "a�b"),
        (rb"a\uDC00b", "a�b"),
        (rb"\ud83d\udee9\ud83d", "\U0001f6e9�"),
        (rb"\ud83d\ud83d\udee9", "�\U0001f6e9"),
        (rb"a\\ud800\ud800b", r"a\ud800" + "�b"),
        (b"tab\tand\nline", "tab and line"),
        (b"a\x00b", "a b"),
        ("\x85 \x9f".encode(), "\x85 \x9f"),
    ],
)
def test_a_text_that_cannot_be_kept_is_mended_and_costs_no_record(sent: bytes, kept: str) -> None:
    raw = with_name(sent)
    assert peek(raw).update_timestamp == TIME
    decoded = decode_feed(raw)
    assert decoded.quarantined == ()
    assert [p.name for p in decoded.feed.pilots] == [kept, pilot(2)["name"]]


@given(st.text(st.characters(codec=None, categories=None), max_size=20))
def test_no_text_in_a_record_costs_any_record(text: str) -> None:
    """Lone surrogates and control characters included, as `json.dumps` escapes them."""
    raw = json.dumps(feed(pilots=[pilot(1, name=text), pilot(2)])).encode()
    decoded = decode_feed(raw)
    assert decoded.quarantined == ()
    kept = decoded.feed.pilots[0].name
    assert kept == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace(
        "\x00", ""
    )


def test_bytes_that_are_not_utf8_cost_only_themselves() -> None:
    raw = with_name(b"a\xff\xfeb")
    assert callsigns(raw) == {**callsigns(body(feed())), "pilots": ["ABC1", "ABC2"]}
    assert decode_feed(raw).feed.pilots[0].name == "a\ufffd\ufffdb"


# --- a feed that is of no use as a whole ---------------------------------------------------------


@pytest.mark.parametrize("raw", [b"", b" \r\n\t "])
def test_a_body_of_nothing_is_empty(raw: bytes) -> None:
    for decode in (peek, decode_feed, decode_radios):
        with pytest.raises(FeedEmpty):
            decode(raw)


@pytest.mark.parametrize(
    "raw", [b"<!DOCTYPE html><html></html>", b"Service Unavailable", b"\xef\xbb\xbfno"]
)
def test_any_other_body_is_not_json(raw: bytes) -> None:
    for decode in (peek, decode_feed, decode_radios):
        with pytest.raises(FeedNotJson):
            decode(raw)


def test_a_feed_cut_at_any_byte_is_truncated() -> None:
    for whole, decode in ((body(feed()), decode_feed), (body([{"callsign": "A"}]), decode_radios)):
        for end in range(1, len(whole)):
            with pytest.raises(FeedTruncated):
                decode(whole[:end])


@pytest.mark.parametrize("raw", [b"[]", b"{}", b"null", b"17", b'"text"', b'{"general": null}'])
def test_json_of_another_shape_is_malformed(raw: bytes) -> None:
    for decode in (peek, decode_feed):
        with pytest.raises(FeedMalformed):
            decode(raw)


@pytest.mark.parametrize("raw", [b"{}", b'{"general": 1}'])
def test_radios_of_another_shape_are_malformed(raw: bytes) -> None:
    with pytest.raises(FeedMalformed):
        decode_radios(raw)


@pytest.mark.parametrize(
    "time",
    [
        None,
        5,
        "",
        "now",
        "2024-01-01T00:00:00",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59.9999999Z",
        "2024-01-01\x0000:00:00Z",
    ],
)
def test_a_head_without_a_time_is_malformed(time: object) -> None:
    raw = body(feed(general={"update_timestamp": time}))
    for decode in (peek, decode_feed):
        with pytest.raises(FeedMalformed):
            decode(raw)


def test_a_value_that_is_nested_too_deep_costs_only_itself() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for raw in (
        body(feed(x=0)).replace(b'"x": 0', b'"x": ' + deep),
        body(feed(pilots=[pilot(1, name="NAME"), pilot(2)])).replace(b'"NAME"', deep),
    ):
        decoded = decode_feed(raw)
        assert decoded.quarantined == ()
        assert len(decoded.feed.prefiles) == 2
    decoded = decode_radios(radios(RADIO).replace(b"[]", b"[" + deep + b"]"))
    assert [len(client.transceivers) for client in decoded.radios] == [1, 0]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 20))
def test_a_body_of_whatever_bytes_is_a_feed_or_a_feed_error(
    noise: bytes, start: int, length: int
) -> None:
    whole = body(feed(pilots=[pilot(1)]))
    for raw in (noise, whole[:start] + noise[:length] + whole[start + length :]):
        for decode in (peek, decode_feed, decode_radios):
            with suppress(FeedError):
                decode(raw)


# --- radios --------------------------------------------------------------------------------------


def radios(*transceivers: dict[str, object]) -> bytes:
    return body(
        [{"callsign": "BAD", "transceivers": transceivers}, {"callsign": "OK", "transceivers": []}]
    )


RADIO = {"id": 0, "frequency": 118_500_000, "latDeg": 1.5, "lonDeg": 2.5}


@pytest.mark.parametrize(
    "wrong",
    [
        {"frequency": -1},
        {"frequency": 2**63},
        {"frequency": 1e30},
        {"frequency": None},
        {"id": 2**63},
        {"latDeg": 91},
        {"lonDeg": 180.5},
        {"latDeg": "north"},
    ],
)
def test_a_radio_of_nowhere_costs_only_itself(wrong: dict[str, object]) -> None:
    decoded = decode_radios(radios(RADIO, {**RADIO, **wrong}))
    assert [len(client.transceivers) for client in decoded.radios] == [1, 0]
    assert [(q.kind, q.callsign) for q in decoded.quarantined] == [("radios", "BAD")]
    assert json.loads(decoded.quarantined[0].record)["callsign"] == "BAD"  # as it was sent


@pytest.mark.parametrize("height", [None, "high", True, 1e400, [], "NaN"])
def test_a_height_that_cannot_be_read_is_unknown(height: object) -> None:
    raw = body([{"callsign": "A", "transceivers": [{**RADIO, "heightMslM": height}]}])
    decoded = decode_radios(raw)
    assert decoded.quarantined == ()
    assert decoded.radios[0].transceivers[0].heightMslM is None


def test_oddities_of_radios_are_not_faults() -> None:
    hf = {**RADIO, "frequency": 5_598_000}
    none = {**RADIO, "frequency": 0, "heightMslM": -3.2, "heightAglM": 12.0}
    decoded = decode_radios(radios(RADIO, hf, none, {**RADIO, "frequency": 199_998_000}))
    assert decoded.quarantined == ()
    assert [len(client.transceivers) for client in decoded.radios] == [4, 0]
