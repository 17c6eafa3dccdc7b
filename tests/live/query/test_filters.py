"""Filters find what a naive look at each record finds, in tables and one record at a time."""

from __future__ import annotations

import gzip
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.live.query.tables import COLLECTIONS, asked, captured, records, simulated
from vatwatch.live.query.bad_value import BadValue
from vatwatch.live.query.facts import read_facts
from vatwatch.live.query.filters import read_filters
from vatwatch.live.query.known_filters import FILTERS, filters_of
from vatwatch.live.query.numbers import FACILITIES, RATINGS
from vatwatch.live.query.record_table import RecordTable
from vatwatch.live.query.selection import RecordQuery, select
from vatwatch.live.records import Body, Collection
from vatwatch.traffic.geometry import distance_nm

Record = dict[str, Any]


def filed(record: Record, name: str) -> list[Any]:
    return [record["flight_plan"][name]] if record.get("flight_plan") else []


def places(record: Record) -> list[tuple[float, float]]:
    if "transceivers" in record:
        return [(radio["latDeg"], radio["lonDeg"]) for radio in record["transceivers"]]
    return [] if record["latitude"] is None else [(record["latitude"], record["longitude"])]


def values(record: Record, name: str) -> list[Any]:
    """What a filter looks at, told once more and in another way."""
    plan = record.get("plan") or {}
    match name:
        case "departure" | "arrival" | "flight_rules":
            return filed(record, name)
        case "aircraft":
            read = plan.get("aircraft_type")
            return filed(record, "aircraft_short") + ([read] if read else [])
        case "wake":
            return [plan["wake_category"]] if plan.get("wake_category") else []
        case "airline":
            return [re.split(r"[^A-Z].*", record["callsign"].upper())[0]] * bool(
                re.match("[A-Za-z]+[0-9]", record["callsign"])
            )
        case "squawk":
            return [record["transponder"]]
        case "fir":
            return record["position"]["areas"] if "position" in record else record["firs"]
        case "sector":
            return list(record["sectors"])
        case "tuned":
            return [contact["station"] for contact in record["contacts"]]
        case "bbox" | "near":
            return places(record)
        case _:
            return [record[name]]


def fulfils(value: Any, name: str, given: str) -> bool:
    if name == "cid":
        return str(value) in given.split(",")
    if name == "bbox":
        west, south, east, north = map(float, given.split(","))
        between = west <= value[1] <= east if west <= east else not east < value[1] < west
        return south <= value[0] <= north and between
    if name == "near":
        latitude, longitude, radius_nm = map(float, given.split(","))
        return distance_nm(latitude, longitude, *value) <= radius_nm
    if ".." in given:
        low, high = given.split("..")
        if value is None:
            return False
        above, below = not low or value >= float(low), not high or value <= float(high)
        if name == "heading" and low and high and float(low) > float(high):
            return above or below
        return above and below
    if isinstance(value, int | float):
        return value == float(given)
    texts = [text.upper() for text in given.split(",")]
    if name == "callsign":
        texts = [text if set(text) & {"*", "?"} else f"{text}*" for text in texts]
    return value is not None and any(fnmatchcase(value.upper(), text) for text in texts)


def question(random: Random, name: str, some: list[Record]) -> str:
    """A value for a filter that some of the records have, or nearly."""
    found = [value for record in some for value in values(record, name) if value is not None]
    if not found:
        return next(str(one.schema["example"]) for one in FILTERS if one.name == name)
    value, other = random.choice(found), random.choice(found)
    if name == "bbox":
        south, north = sorted((value[0], other[0]))
        return f"{value[1]:.6f},{south:.6f},{other[1]:.6f},{north:.6f}"
    if name == "near":
        return f"{value[0]:.6f},{value[1]:.6f},{random.choice((0, 1, 50, 500, 5000))}"
    if name == "cid":
        return f"{value},{other}"
    if isinstance(value, int | float):
        if name == "heading":
            return f"{value}..{other}"
        low, high = sorted((value, other))
        return random.choice((f"{low}..{high}", f"{low}..", f"..{high}"))
    if name in ("phase", "state", "wake", "flight_rules"):
        return f"{value},{other}"
    if not value or name == "squawk":
        return other or "*"
    return random.choice(
        (value.lower(), f"{value[:2]}*", f"*{value[-2:]}", f"?{value[1:]},{other}")
    )


def check(bodies: dict[Collection, Body], seed: int, rounds: int) -> int:
    """Compare; returns how many records were found and how many were not, whichever is less."""
    random, hits, misses = Random(seed), 0, 0
    for collection in COLLECTIONS:
        some = records(bodies, collection)
        table = RecordTable(collection, bodies[collection].plain)
        facts = [read_facts(record) for record in table.records]
        names = [one.name for one in filters_of(collection)]
        for number in range(rounds):
            chosen = [names[number % len(names)], *random.sample(names, random.choice((0, 0, 1)))]
            given = {name: question(random, name, some) for name in chosen}
            try:
                filters = read_filters(given, collection)
            except BadValue:
                # Some real texts are none that can be asked for: an empty transponder code.
                continue
            wanted = [
                all(any(fulfils(v, n, text) for v in values(one, n)) for n, text in given.items())
                for one in some
            ]
            assert filters.mask(table).tolist() == wanted, given
            assert list(map(filters.wants, facts)) == wanted, given
            hits, misses = hits + sum(wanted), misses + wanted.count(False)
    return min(hits, misses)


def test_filters_find_what_a_naive_look_finds_in_real_feeds(captures: Path) -> None:
    found = [check(bodies, seed, 60) for seed, bodies in enumerate(captured(captures))]
    assert min(found) > 100


def test_filters_find_what_a_naive_look_finds_in_the_simulated_world() -> None:
    assert check(simulated(), 7, 250) > 1000


@pytest.mark.parametrize("name", sorted({one.name for one in FILTERS}))
def test_each_filter_lets_some_through_and_keeps_some_out(name: str) -> None:
    random, outcomes = Random(3), set()
    for one in FILTERS:
        if one.name == name:
            for collection in one.collections:
                some = records(simulated(), collection)
                for _ in range(40):
                    found = asked(collection, **{name: question(random, name, some)})
                    outcomes.add(bool(found) and "some")
                    outcomes.add(len(found) < len(some) and "not all")
    assert {"some", "not all"} <= outcomes


def test_a_callsign_is_a_beginning_and_a_pattern_is_whole() -> None:
    flights = records(simulated(), Collection.FLIGHTS)
    callsign = flights[0]["callsign"]
    for given in (callsign, callsign.lower(), callsign[:3], f"{callsign[:2]}*", f"*{callsign[1:]}"):
        assert callsign in [one["callsign"] for one in asked(Collection.FLIGHTS, callsign=given)]
    assert not asked(Collection.FLIGHTS, callsign=f"?{callsign}")
    longer = asked(Collection.FLIGHTS, callsign="?" * len(callsign))
    assert {len(one["callsign"]) for one in longer} == {len(callsign)}


def test_all_filters_together_must_be_fulfilled() -> None:
    flights = records(simulated(), Collection.FLIGHTS)
    one = next(f for f in flights if f["contacts"] and f["firs"] and f["plan"]["wake_category"])
    given = {
        "callsign": one["callsign"],
        "cid": str(one["cid"]),
        "departure": one["flight_plan"]["departure"],
        "wake": one["plan"]["wake_category"],
        "fir": one["firs"][0],
        "tuned": one["contacts"][0]["station"],
        "altitude": f"{one['altitude']}..{one['altitude']}",
        "near": f"{one['latitude']},{one['longitude']},0",
    }
    assert [f["flight_id"] for f in asked(Collection.FLIGHTS, **given)] == [one["flight_id"]]
    for name, other in (("cid", "1"), ("wake", "J"), ("altitude", "..-2000"), ("fir", "NOWHERE")):
        assert not asked(Collection.FLIGHTS, **{**given, name: other})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("altitude", "high"), ("altitude", ".."), ("altitude", "2..1"), ("altitude", "1e3"),
        ("altitude", "1...2"), ("altitude", "1..2..3"), ("altitude", "nan"), ("heading", "-1..5"),
        ("heading", "1..361"), ("bbox", "1,2,3"), ("bbox", "0,10,0,-10"), ("bbox", "a,b,c,d"),
        ("bbox", "0,0,400,1"), ("bbox", "0,-91,1,0"), ("near", "0,0"), ("near", "0,0,-1"),
        ("near", "91,0,1"), ("near", "0,0,10900"), ("cid", "0"), ("cid", "1,x"), ("cid", "²"),
        ("cid", "99999999999"), ("phase", "crusie"), ("state", "controlling"), ("wake", "S"),
        ("airline", "BAW1"), ("airline", "*1"), ("airline", "DLH,Ä"), ("squawk", "7800"),
        ("squawk", "70000"), ("callsign", "A,,B"), ("flight_rules", "VFR"),
        ("callsign", ",".join(f"*{number}" for number in range(51))),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_refused(name: str, given: str) -> None:
    with pytest.raises(BadValue):
        read_filters({name: given}, Collection.FLIGHTS)


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("facility", "0 6 4..6 4.. ..3 -5..0 6..99 ..99", "7 -1 7.. ..-1 7..9 -9..-1 4.5 4.2..4.8"),
        ("rating", "-1 12 ..-1 12.. -9..-1 12..99 -1..12", "13 -2 13.. ..-2 13..99 -9..-2 0.5"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("collection", [Collection.CONTROLLERS, Collection.ATIS])
def test_a_range_has_a_number_that_there_is(
    collection: Collection, name: str, taken: str, refused: str
) -> None:
    (pattern,) = {one.schema["pattern"] for one in filters_of(collection) if one.name == name}
    for given in taken.split():
        assert read_filters({name: given}, collection)
        assert re.search(pattern, given), given
    for given in refused.split():
        with pytest.raises(BadValue, match="whole numbers from"):
            read_filters({name: given}, collection)
        # That no whole number is between two fractions no pattern can say.
        assert ("." in given.replace("..", "")) or not re.search(pattern, given), given


def test_the_numbers_that_there_are_are_those_of_the_feed(captures: Path) -> None:
    for file in sorted(captures.glob("vatsim-data-*.json.gz")):
        feed = json.loads(gzip.decompress(file.read_bytes()))
        for listed, field, known in (
            ("facilities", "facility", FACILITIES),
            ("ratings", "rating", RATINGS),
        ):
            assert [row["id"] for row in feed[listed]] == [*known]
            assert {one[field] for one in feed["controllers"] + feed["atis"]} <= {*known}


def test_a_misspelt_word_is_told_with_what_it_could_have_been() -> None:
    with pytest.raises(BadValue) as raised:
        read_filters({"phase": "cruise,decsent"}, Collection.FLIGHTS)
    assert (raised.value.given, "descent" in raised.value.choices) == ("decsent", True)


def test_equal_filters_have_one_text() -> None:
    def text(**given: str) -> str:
        return read_filters(given, Collection.FLIGHTS).text

    assert text(callsign="baw,DLH", altitude="100.0..") == text(
        altitude="100..", callsign="DLH,BAW"
    )
    assert text(altitude="5..5") == text(altitude="5") != text(altitude="5..")
    assert text(bbox="190,0,200,1") == text(bbox="-170,0,-160,1")
    assert text(callsign="A***") == text(callsign="a*") != text(callsign="A")
    assert text() == ""


def test_hostile_patterns_take_no_longer_than_others() -> None:
    # With looking back each of these would take for ever.
    stars = "*A" * 60 + "B"
    found = read_filters({"callsign": stars}, Collection.FLIGHTS)
    assert not found.wants(read_facts(b'{"callsign": "' + b"A" * 100 + b'"}'))
    assert found.wants(read_facts(b'{"callsign": "' + b"A" * 100 + b'B"}'))


@pytest.mark.parametrize(
    ("bbox", "inside", "outside"),
    [
        ("170,-10,-170,10", (-180, 180, 170, -170, 175), (169.999, -169.999, 0)),
        ("170,-10,190,10", (-180, 180, 170, -170), (169.999, -169.999, 0)),
        ("-190,-10,-170,10", (-180, 180, 170, -170), (169.999, -169.999, 0)),
        ("170,-10,180,10", (-180, 180, 170), (-179.999, 0)),
        ("-180,-10,-170,10", (-180, 180, -170), (179.999, 0)),
        ("-180,-10,180,10", (-180, 180, 0), ()),
        ("0,-10,360,10", (-180, 180, 0, 90, -90), ()),
        ("10,-10,-10,10", (180, -180, 10, -10, 90), (0, 9.999)),
        ("5,-10,5,10", (5,), (4.999, 5.001)),
    ],
)  # fmt: skip
def test_a_box_has_its_border_and_leads_over_the_antimeridian(
    bbox: str, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    filters = read_filters({"bbox": bbox}, Collection.FLIGHTS)
    for longitudes, wanted in ((inside, True), (outside, False)):
        for longitude in longitudes:
            for latitude, also in ((-10, True), (10, True), (10.001, False), (-10.001, False)):
                record = f'{{"latitude": {latitude}, "longitude": {longitude}}}'
                assert filters.wants(read_facts(record.encode())) is (wanted and also)
                plain = f'{{"flights": [{record}]}}'.encode()
                assert filters.mask(RecordTable(Collection.FLIGHTS, plain)).tolist() == [
                    wanted and also
                ]


@pytest.mark.parametrize(
    ("heading", "inside", "outside"),
    [
        ("350..10", (350, 355, 0, 360, 10), (11, 180, 349)),
        ("..90", (0, 360, 90), (91, 359)),
        ("350..", (350, 359, 360, 0), (1, 349)),
        ("0", (0, 360), (1, 359)),
        ("90..100", (90, 100), (0, 360, 89, 101)),
    ],
)
def test_headings_lead_over_the_north(
    heading: str, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    filters = read_filters({"heading": heading}, Collection.FLIGHTS)
    records = [f'{{"heading": {degrees}}}' for degrees in (*inside, *outside, "null")]
    wanted = [True] * len(inside) + [False] * (len(outside) + 1)
    assert [filters.wants(read_facts(record.encode())) for record in records] == wanted
    plain = f'{{"flights": [{", ".join(records)}]}}'.encode()
    assert filters.mask(RecordTable(Collection.FLIGHTS, plain)).tolist() == wanted


def test_the_border_of_a_circle_is_in_it() -> None:
    random = Random(5)
    for _ in range(500):
        here = random.uniform(-90, 90), random.uniform(-180, 180)
        there = random.uniform(-90, 90), random.uniform(-180, 180)
        near = f"{here[0]:.12f},{here[1]:.12f},{distance_nm(*here, *there):.9f}"
        filters = read_filters({"near": near}, Collection.FLIGHTS)
        plain = b'{"flights": [{"latitude": %.15f, "longitude": %.15f}]}' % there
        table = RecordTable(Collection.FLIGHTS, plain)
        assert filters.mask(table).tolist() == [True] == list(map(filters.wants, table.facts))


def test_a_table_of_a_collection_without_records_finds_none() -> None:
    for collection in COLLECTIONS:
        table = RecordTable(collection, b'{"%s": []}' % collection.value.encode())
        for one in filters_of(collection):
            query = RecordQuery(read_filters({one.name: str(one.schema["example"])}, collection))
            assert select(table, query).total == 0


def test_records_that_are_cut_out_are_those_that_are_read() -> None:
    for bodies in (simulated(), *captured()):
        for collection in COLLECTIONS:
            body = bodies[collection]
            read = RecordTable(collection, body.plain)
            cut = RecordTable(collection, body.plain, body.ends)
            assert list(map(bytes, cut.records)) == list(map(bytes, read.records))
            assert {name: bytes(value) for name, value in cut.head.items()} == {
                name: bytes(value) for name, value in read.head.items()
            }
            assert cut.facts == read.facts
