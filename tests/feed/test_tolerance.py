"""One bad value costs that value, one bad record that record: for every field, at its extremes."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.feed.invented import TIME, body, feed, pilot, radios
from vatwatch.errors import FeedError, FeedTruncated
from vatwatch.feed import shapes
from vatwatch.feed.decode import DecodedFeed, decode_feed, decode_radios, peek
from vatwatch.feed.lenient import read
from vatwatch.feed.shapes import read_record

LISTS = ("pilots", "controllers", "atis", "prefiles")
ALL_LISTS = [name for name, value in feed().items() if isinstance(value, list)]
WHOLE = decode_feed(body(feed()))
WHOLE_RADIOS = decode_radios(body(radios()))

# Where a value can stand: list, index, and the keys that lead to it.
PLACES: list[tuple[str, int, tuple[str, ...]]] = [
    (name, index, keys)
    for name in ALL_LISTS
    for index, record in enumerate(feed()[name])
    for keys in (
        *((key,) for key in record),
        *(("flight_plan", key) for key in record.get("flight_plan", ())),
    )
]
EXTREMES: list[object] = [
    None, True, False, 0, -1, 7, 2**31, -(2**31) - 1, 2**63, 10**400, -0.0, 0.5, -1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"), "", " ", "0", "-0", "12.5", "1e3", "1e999", "NaN",
    "null", "true", "x" * 100_000, "\x00", "\x1f\x7f\x85", "\u00df/\u00c5 \U0001f6e9", "\ud800",
    "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00Z", "2026-W40-4T10:00:00Z",
    "2026-10-01\x0011:00:00Z", TIME, [], [None], ["a", None, 7, ["b"]], {}, {"name": [None]},
    [[[[[[]]]]]],
]  # fmt: skip


def put(content: dict[str, Any], place: tuple[str, int, tuple[str, ...]], value: object) -> None:
    name, index, keys = place
    record = content[name][index]
    for key in keys[:-1]:
        record = record[key]
    record[keys[-1]] = value


def sent(content: object) -> bytes:
    """As a careless sender would send it: NaN, Infinity and halves of characters as they are."""
    return json.dumps(content).encode()


def neighbours(decoded: DecodedFeed, place: tuple[str, int, tuple[str, ...]]) -> dict[str, Any]:
    """Every record but the one at `place`."""
    name, index, _ = place
    mine = getattr(WHOLE.feed, name)[index]
    who = tuple(getattr(mine, field, None) for field in ("cid", "callsign", "ident", "id"))
    kept = {}
    for one in ALL_LISTS:
        records = getattr(decoded.feed, one)
        whole = getattr(WHOLE.feed, one)
        kept[one] = [r for r in records if r in whole and not (one == name and _is(r, who))]
    return kept


def _is(record: Any, who: tuple[Any, ...]) -> bool:
    return who == tuple(getattr(record, f, None) for f in ("cid", "callsign", "ident", "id"))


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value)[:20])
def test_any_value_in_any_field_costs_at_most_its_own_record(value: object) -> None:
    for place in PLACES:
        content = feed()
        put(content, place, value)
        decoded = decode_feed(sent(content))
        assert neighbours(decoded, place) == neighbours(WHOLE, place), place
        assert decoded.set_aside <= 1
        assert peek(sent(content)) == decoded.feed.general


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value)[:20])
def test_any_value_in_the_head_costs_itself_or_the_snapshot(value: object) -> None:
    for key in feed()["general"]:
        content = feed()
        content["general"][key] = value
        if key == "update_timestamp" and value != TIME:
            with pytest.raises(FeedError):
                decode_feed(sent(content))
        else:
            decoded = decode_feed(sent(content))
            assert decoded.feed.pilots == WHOLE.feed.pilots
            assert decoded.feed.general.update_timestamp == TIME


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value)[:20])
def test_any_value_in_the_place_of_a_list_costs_that_list(value: object) -> None:
    for name in ALL_LISTS:
        content = feed()
        content[name] = value
        decoded = decode_feed(sent(content))
        for other in ALL_LISTS:
            if other != name:
                assert getattr(decoded.feed, other) == getattr(WHOLE.feed, other)
        if name in LISTS:
            assert getattr(decoded.unread, name).whole == (not isinstance(value, list))


@pytest.mark.parametrize("value", EXTREMES, ids=lambda value: repr(value)[:20])
def test_any_value_in_the_radios_costs_at_most_its_client(value: object) -> None:
    for index in range(3):
        for key in (None, "callsign", "transceivers", *radios()[0]["transceivers"][0]):
            content: list[Any] = radios()
            if key is None:
                content[index] = value
            elif key in content[index]:
                content[index][key] = value
            else:
                content[index]["transceivers"][0][key] = value
            decoded = decode_radios(sent(content))
            others = [c for n, c in enumerate(WHOLE_RADIOS.radios) if n != index]
            assert [c for c in decoded.radios if c in others] == others


@given(st.dictionaries(st.sampled_from(PLACES), st.sampled_from(EXTREMES), min_size=1, max_size=8))
def test_several_bad_values_cost_at_most_their_records(
    hits: dict[tuple[str, int, tuple[str, ...]], object],
) -> None:
    content = feed()
    for place, value in hits.items():
        with suppress(TypeError, KeyError):  # the plan was hit before
            put(content, place, deepcopy(value))  # or one hit would be within another
    decoded = decode_feed(sent(content))
    hit = {(name, index) for name, index, _ in hits}
    for name in ALL_LISTS:
        whole = getattr(WHOLE.feed, name)
        untouched = [record for n, record in enumerate(whole) if (name, n) not in hit]
        assert [r for r in getattr(decoded.feed, name) if r in untouched] == untouched
    assert msgspec.json.encode(decoded.feed)
    assert b"\x00" not in msgspec.json.encode(decoded.quarantined)


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("altitude", 3000.4, 3000),
        ("altitude", "3000.4", 3000),
        ("altitude", "1e3", 1000),
        ("altitude", " 77 ", 77),
        ("altitude", "", None),
        ("altitude", True, None),
        ("altitude", "high", None),
        ("altitude", 2**31, None),
        ("heading", None, None),
        ("groundspeed", float("nan"), None),
        ("latitude", "50.5", 50.5),
        ("cid", "1900001", 1_900_001),
        ("callsign", 4711, "4711"),
        ("callsign", " TST1 ", "TST1"),
        ("name", None, ""),
        ("name", 1_900_001, "1900001"),
        ("name", ["Jane"], ""),
        ("transponder", 21, "0021"),
        ("transponder", None, ""),
        ("qnh_i_hg", "29.92", 29.92),
        ("qnh_mb", -385, -385),
        ("pilot_rating", None, 0),
        ("logon_time", "2026-W40-4T10:00:00Z", ""),
        ("logon_time", None, ""),
        ("last_updated", 5, TIME),
        ("flight_plan", "none", None),
        ("flight_plan", None, None),
    ],
)
def test_what_a_value_of_a_pilot_means(field: str, value: object, meant: object) -> None:
    decoded = decode_feed(sent({**feed(), "pilots": [pilot(1, **{field: value})]}))
    assert decoded.quarantined == ()
    assert getattr(decoded.feed.pilots[0], field) == meant
    whole = msgspec.structs.asdict(WHOLE.feed.pilots[0])
    found = msgspec.structs.asdict(decoded.feed.pilots[0])
    assert {k for k in whole if found[k] != whole[k]} <= {field}


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("frequency", 122.8, "122.800"),
        ("frequency", None, ""),
        ("facility", None, None),
        ("rating", "3", 3),
        ("text_atis", ["a", None, 7, ["b"]], ["a", "7"]),
        ("text_atis", "a\nb", ["a", "b"]),
        ("text_atis", {}, None),
        ("visual_range", None, 0),
        ("logon_time", "soon", ""),
    ],
)
def test_what_a_value_of_a_controller_means(field: str, value: object, meant: object) -> None:
    content = feed()
    content["controllers"][0][field] = value
    decoded = decode_feed(sent(content))
    assert decoded.quarantined == ()
    assert getattr(decoded.feed.controllers[0], field) == meant


def test_of_a_plan_each_field_is_read_on_its_own() -> None:
    content = feed()
    plan = content["pilots"][0]["flight_plan"]
    plan.update(alternate=None, cruise_tas=450, deptime=930, route=["DCT"], revision_id="2.0")
    found = decode_feed(sent(content)).feed.pilots[0].flight_plan
    assert found is not None
    assert (found.alternate, found.cruise_tas, found.deptime) == ("", "450", "0930")
    assert (found.route, found.revision_id, found.remarks) == ("", 2, "/V/")


def test_values_that_are_lost_are_counted_by_field_and_null_is_not() -> None:
    content = feed()
    content["pilots"][0].update(altitude="high", heading=None)
    content["pilots"][1].update(altitude=[])
    content["atis"][0].update(rating={})
    assert decode_feed(sent(content)).lost == {"pilot.altitude": 2, "atis.rating": 1}


@given(st.sampled_from(PLACES), st.sampled_from([*EXTREMES, 90.0, "90", 1019.0, "abc", 3000.5]))
def test_the_fast_way_and_the_tolerant_way_read_the_same(
    place: tuple[str, int, tuple[str, ...]], value: object
) -> None:
    content = feed()
    put(content, place, value)
    name, index, _ = place
    raw = sent(content[name][index])
    by_list = {
        "pilots": shapes.PILOT, "controllers": shapes.CONTROLLER, "atis": shapes.ATIS,
        "prefiles": shapes.PREFILE, "servers": shapes.SERVER, "facilities": shapes.FACILITY,
        "ratings": shapes.RATING, "pilot_ratings": shapes.PILOT_RATING,
        "military_ratings": shapes.MILITARY_RATING,
    }  # fmt: skip
    shape: Any = by_list[name]
    try:
        fast = msgspec.json.decode(raw, type=shape.record, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if shape.is_whole(fast) and b"\\u0000" not in raw:
        assert read_record(shape, read(raw.decode()), TIME, Counter()).record == fast


# --- bytes that are not JSON ---------------------------------------------------------------------

COMPACT = json.dumps(feed(), separators=(",", ":")).encode()
PRETTY = json.dumps(feed(), indent=2).encode()


def one_hit(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"latitude":50.1', b'"latitude":NaN'),
        (b'"latitude":50.1', b'"latitude":-Infinity'),
        (b'"latitude":50.1', b'"latitude":undefined'),
        (b'"latitude":50.1', b'"latitude":'),
        (b'"latitude":50.1', b'"latitude":050.1'),
        (b'"latitude":50.1', b'"latitude"'),
        (b'"latitude":50.1', b"latitude:50.1"),
        (b'"latitude":50.1', b'"latitude":50.1,'),
        (b'"latitude":50.1', b'"latitude":50.1 "x":1'),
        (b'"latitude":50.1', b'"latitude":50.1]'),
        (b'"latitude":50.1', b'"latitude":[50.1'),
        (b'"latitude":50.1', b'"latitude":{50.1'),
        (b'"latitude":50.1', b'"latitude":/* here */50.1'),
        (b"Invented Pilot1", b"O\\'Brien"),
        (b"Invented Pilot1", b"C:\\Users \\u12"),
        (b"Invented Pilot1", b"J\xe4ne \xff"),
        (b"Invented Pilot1", b"tab\tand\x00nul\x01"),
        (b"Invented Pilot1", b'say "hello" to'),
        (b"Invented Pilot1", b'5" tall'),
        (b"Invented Pilot1", b"Jane\\"),
        (b'Invented Pilot1"', b"Invented Pilot1"),
        (b'"Invented Pilot1"', b"Invented Pilot1"),
        (b'"Invented Pilot1"', b"[" * 5000 + b"]" * 5000),
        (b'"Invented Pilot1"', b"[" * 5000),
        (b'"Invented Pilot1"', b'{"a":' * 5000 + b"1" + b"}" * 5000),
        (b'"Invented Pilot1"', b"'Invented'"),
        (b'{"cid":1900001', b'{"cid":1900001,"cid":1900001'),
        (b'{"cid":1900001', b'"cid":1900001'),
        (b'{"cid":1900001', b'{{"cid":1900001'),
        (b'{"cid":1900001', b'{,"cid":1900001'),
        (b'"},{"cid":1900002', b'",{"cid":1900002'),
        (b'"},{"cid":1900002', b'"{"cid":1900002'),
        (b'"},{"cid":1900002', b'"}{"cid":1900002'),
        (b'"},{"cid":1900002', b'"},,{"cid":1900002'),
        (b'"},{"cid":1900002', b'"}},{"cid":1900002'),
        (b'"},{"cid":1900002', b'"}],{"cid":1900002'),
        (b'"},{"cid":1900002', b'"}]},{"cid":1900002'),
        (b'"},{"cid":1900002', b'"},null,7,"x",[1],{"cid":1900002'),
        (b'"assigned_transponder":"0000"},', b'"assigned_transponder":"0000",'),
        (b'"assigned_transponder":"0000"},', b'"assigned_transponder":"0000"}},'),
    ],
)
def test_what_is_broken_in_one_pilot_costs_at_most_that_pilot(old: bytes, new: bytes) -> None:
    raw = one_hit(COMPACT, old, new)
    decoded = decode_feed(raw)
    assert peek(raw) == WHOLE.feed.general
    assert decoded.feed.pilots[-2:] == WHOLE.feed.pilots[-2:]
    assert len(decoded.feed.pilots) <= 3
    for name in ALL_LISTS:
        if name != "pilots":
            assert getattr(decoded.feed, name) == getattr(WHOLE.feed, name), name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'],"controllers":[', b',"controllers":['),
        (b'}],"controllers":[', b',"controllers":['),
        (b'],"controllers":[', b']],"controllers":['),
        (b'],"controllers":[', b']},"controllers":['),
        (b'],"controllers":[', b'] "controllers":['),
        (b'],"controllers":[', b',],"controllers":['),
        (b'"text_atis":["Invented Tower","til 2200"]', b'"text_atis":["Invented Tower","til 2200"'),
        (b'"text_atis":["Invented Tower","til 2200"]', b'"text_atis":["Invented Tower",]]'),
        (b'"text_atis":["ATIS EXXX A"]', b'"text_atis":["ATIS EXXX A"'),
        (b'"unique_users":6}', b'"unique_users":6'),
        (b'"unique_users":6}', b'"unique_users":6}}'),
        (b'"version":3', b'"version":NaN'),
        (b'"long_name":"None"}]}', b'"long_name":"None"}}'),
        (b'"long_name":"None"}]}', b'"long_name":"None"}]}}'),
        (b'"long_name":"None"}]}', b'"long_name":"None"}]} and more {"pilots":[]}'),
        (b'"long_name":"None"}]}', b'"long_name":"None"}],}'),
    ],
)
def test_what_is_broken_between_records_costs_at_most_one_of_them(old: bytes, new: bytes) -> None:
    decoded = decode_feed(one_hit(COMPACT, old, new))
    missing = 0
    for name in ALL_LISTS:
        found, whole = getattr(decoded.feed, name), getattr(WHOLE.feed, name)
        missing += sum(record not in found for record in whole)
    assert missing <= 1


def test_a_mark_at_the_beginning_and_other_encodings_are_read() -> None:
    for raw in (b"\xef\xbb\xbf" + COMPACT, COMPACT.decode().encode("utf-16"), b"\n " + PRETTY):
        assert decode_feed(raw).feed == WHOLE.feed
    text = body(radios())
    assert decode_radios(b"\xef\xbb\xbf" + text).radios == WHOLE_RADIOS.radios


def test_a_sound_body_does_not_go_the_tolerant_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the tolerant way")

    for name in ("scan", "read"):
        monkeypatch.setattr(f"vatwatch.feed.decode.{name}", never)
    for raw in (COMPACT, PRETTY):
        assert peek(raw) == WHOLE.feed.general
        assert decode_feed(raw).feed == WHOLE.feed
    assert decode_radios(body(radios())).radios == WHOLE_RADIOS.radios


def test_the_tolerant_way_reads_a_sound_body_as_the_fast_one_does() -> None:
    for raw in (COMPACT, PRETTY):
        broken = one_hit(raw, b"}", b",}")  # the head's
        assert decode_feed(broken).feed == WHOLE.feed
        assert decode_feed(broken).unread == WHOLE.unread


BROKEN = COMPACT.replace(b'"latitude":50.1', b'"latitude":NaN')


@given(st.integers(1, len(BROKEN) - 1))
@example(BROKEN.index(b'],"prefiles"'))
def test_a_body_that_is_cut_off_is_recognized_even_if_it_is_broken_too(end: int) -> None:
    raw = BROKEN[:end]
    for decode in (peek, decode_feed):
        with pytest.raises(FeedTruncated):
            decode(raw)


@given(
    st.integers(0, len(COMPACT)),
    st.integers(0, 3),
    st.one_of(
        st.sampled_from([b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\xff", b"\x00"]),
        st.binary(max_size=8),
    ),
)
def test_a_few_bytes_changed_anywhere_cost_at_most_a_few_records(
    start: int, length: int, new: bytes
) -> None:
    """Whatever they are: the body is refused as a whole, or its other records are kept."""
    raw = COMPACT[:start] + new + COMPACT[start + length :]
    try:
        decoded = decode_feed(raw)
    except FeedError:
        return
    missing = Counter({
        name: sum(r not in getattr(decoded.feed, name) for r in getattr(WHOLE.feed, name))
        for name in ALL_LISTS
    })  # fmt: skip
    whole_lists = sum(getattr(decoded.unread, name).whole for name in LISTS)
    # The name of a list may be hit: then the list is not known under it.
    hit_a_name = whole_lists or any(
        not getattr(decoded.feed, name) for name in ALL_LISTS if name not in LISTS
    )
    assert missing.total() <= 2 or hit_a_name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_sound_json_is_read_as_any_reader_reads_it(value: object) -> None:
    text = json.dumps(value)
    if not re.search(r"NaN|Infinity|\\ud[89a-f]", text):
        assert read(text) == json.loads(text)


@given(st.text(alphabet='{}[]",:\\ua0 1eE+-.tn', max_size=60))
def test_no_text_at_all_makes_the_tolerant_reader_raise_or_hang(text: str) -> None:
    read(text)
    for decode in (peek, decode_feed, decode_radios):
        with suppress(FeedError):
            decode(text.encode())


# Far more than it takes on a busy machine, and far less than the square.
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [
        b"[",
        b"{",
        b'"',
        b"\\",
        b'"a',
        b'{"a":',
        b"[{",
        b"}{",
        b'" ',
        b"{,",
        b',{"cid":',
        b'{"cid":[[',
    ],
)
def test_the_time_to_read_grows_with_the_size_and_not_with_its_square(piece: bytes) -> None:
    """The square of these sizes would take an hour; that this test ends is what it shows."""
    size = 250_000
    for raw in (
        piece * (size // len(piece)),
        b'{"general":{},"pilots":[' + piece * (size // len(piece)) + b"}" * size + b"]}",
    ):
        with suppress(FeedError):
            decode_feed(raw)
        with suppress(FeedError):
            decode_radios(raw)
