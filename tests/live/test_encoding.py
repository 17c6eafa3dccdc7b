"""The live state as it is served."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.traffic.build import at, atis, controller, pilot, plan, prefile, radio, snapshot
from vatwatch.feed.decode import decode_feed
from vatwatch.feed.times import parse_time
from vatwatch.live.encoded_plans import EncodedPlans
from vatwatch.live.encoding import encode_live
from vatwatch.live.records import Collection, record_of
from vatwatch.live.restored import RestoredState
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.marks import NO_MARKS, Marks
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot
from vatwatch.traffic.phases import FlightPhase

KEYS = {
    Collection.FLIGHTS: ("flights", "pilots"),
    Collection.CONTROLLERS: ("controllers", "controllers"),
    Collection.ATIS: ("atis", "atis"),
}


def track(one: Snapshot) -> NetworkState:
    return apply(NetworkState(), diff(NetworkState(), one, Rules()))


def served(one: Snapshot) -> dict[Collection, Any]:
    return {c: json.loads(b.plain) for c, b in encode_live(track(one), one.feed).items()}


@pytest.fixture
def busy() -> Snapshot:
    return snapshot(
        15,
        pilots=[pilot(flight_plan=plan()), pilot(cid=2, callsign="ABC2")],
        controllers=[controller()],
        atis=[atis(), atis(callsign="EYYY_ATIS", code=None)],
        prefiles=[prefile()],
        radios={"ABC1": (radio(), radio(1, 122_800_010)), "GONE": (radio(),)},
    )


def test_the_served_records_are_those_of_the_network_with_our_ids(captures: Path) -> None:
    raw = gzip.decompress(max(captures.glob("vatsim-data-*.json.gz")).read_bytes())
    sent, feed = json.loads(raw), decode_feed(raw).feed
    bodies = served(Snapshot(parse_time(feed.general.update_timestamp), feed, None))
    for collection, (name, kind) in KEYS.items():
        body = bodies[collection]
        assert body["count"] == len(body[name]) == len(sent[kind])
        ours = {"flights": "flight_id", "controllers": "session_id"}.get(name)
        ids = [record.pop(ours) for record in body[name]] if ours else []
        assert all(isinstance(one, str) and one.isdigit() for one in ids)
        assert len(set(ids)) == len(ids)
        fields = {field for record in sent[kind] for field in record}
        theirs = [{f: value for f, value in one.items() if f in fields} for one in body[name]]
        assert {r["callsign"]: r for r in theirs} == {r["callsign"]: r for r in sent[kind]}


def test_a_flight_is_served_with_what_it_has_done_and_when_it_will_land() -> None:
    filed = msgspec.structs.replace(plan(departure="LFMN"), arrival="EGLL", cruise_tas="450")
    state = NetworkState()
    for number in range(5):
        latitude = 47.0 + number * 15 / 8 / 60
        flying = pilot(
            latitude=latitude, altitude=35_000 + number, groundspeed=450 - number, flight_plan=filed
        )
        state = apply(state, diff(state, snapshot(15 * number, pilots=[flying]), Rules()))
    record = json.loads(encode_live(state, None)[Collection.FLIGHTS].plain)["flights"][0]
    assert record["plan"]["arrival_icao"] == "EGLL"
    assert (record["highest_ft"], record["fastest_kt"]) == (35_004, 450)
    assert record["phase_s"] == {"cruise": 60}
    assert record["great_circle_nm"] == record["plan"]["great_circle_nm"] > 500
    assert record["route_efficiency"] is None
    assert at(40 * 60) < parse_time(record["eta"]) < at(80 * 60)


def test_who_will_be_derived_again_is_served_with_a_mark(busy: Snapshot) -> None:
    state = track(busy)
    flight, session = next(iter(state.flights.values())), next(iter(state.sessions.values()))
    station = next(iter(state.atis))
    marks = Marks(
        frozenset([flight.flight_id]), frozenset([session.session_id]), frozenset([station])
    )
    marked = {
        Collection.FLIGHTS: flight.pilot.callsign,
        Collection.CONTROLLERS: session.controller.callsign,
        Collection.ATIS: station,
    }
    for given in (NO_MARKS, marks):
        bodies = encode_live(state, busy.feed, marks=given)
        for collection, callsign in marked.items():
            records = json.loads(bodies[collection].plain)[collection.value]
            found = {one["callsign"] for one in records if one["derive_again"]}
            assert found == ({callsign} if given is marks else set())
            for each in records:
                one = record_of(bodies[collection], each["callsign"])
                assert json.loads(one or b"")["derive_again"] is each["derive_again"]


def test_radios_are_served_as_the_transceivers_feed_has_them(busy: Snapshot) -> None:
    body = served(busy)[Collection.TRANSCEIVERS]
    assert body["count"] == 2
    assert body["transceivers"][0] == {
        "callsign": "ABC1",
        "transceivers": [
            {
                "id": number,
                "frequency": frequency,
                "latDeg": 1.0,
                "lonDeg": 5.0,
                "heightMslM": 30.0,
                "heightAglM": 3.0,
            }
            for number, frequency in ((0, 118_500_000), (1, 122_800_010))
        ],
    }


def test_radios_are_served_as_sent_however_little_they_move() -> None:
    dice, state, there = Random(1), NetworkState(), {"ABC1": radio(), "EXXX_TWR": radio()}
    for number in range(60):
        metres = dice.choice([0, 1, 30, 300]) * dice.uniform(-1, 1)
        for callsign, one in there.items():
            there[callsign] = replace(
                one,
                latitude=one.latitude + metres / 111_000,
                height_msl_m=30 + metres / 100,
                height_agl_m=dice.choice([3.0, 3.04, None]),
            )
        radios = {callsign: (one, replace(one, radio_id=1)) for callsign, one in there.items()}
        if number % 7 == 0:
            radios.pop("ABC1")
        seen = snapshot(15 * number, pilots=[pilot()], controllers=[controller()], radios=radios)
        state = apply(state, diff(state, seen, Rules()))
        body = json.loads(encode_live(state, seen.feed)[Collection.TRANSCEIVERS].plain)
        assert {each["callsign"]: each["transceivers"] for each in body["transceivers"]} == {
            callsign: [
                {
                    "id": each.radio_id,
                    "frequency": each.frequency_hz,
                    "latDeg": each.latitude,
                    "lonDeg": each.longitude,
                    "heightMslM": each.height_msl_m,
                    "heightAglM": each.height_agl_m,
                }
                for each in tuned
            ]
            for callsign, tuned in radios.items()
        }


def test_the_network_counts_observers_apart(busy: Snapshot) -> None:
    observer = controller(cid=9, callsign="ABC_OBS")
    observer = observer.__class__(
        **{**{f: getattr(observer, f) for f in observer.__struct_fields__}, "facility": 0}
    )
    one = snapshot(15, pilots=busy.feed.pilots, controllers=[controller(), observer])
    body = served(one)[Collection.NETWORK]
    assert (body["pilots"], body["controllers"], body["observers"]) == (2, 1, 1)
    assert set(body["phases"]) == {phase.value for phase in FlightPhase}
    assert sum(body["phases"].values()) == 2
    assert parse_time(body["updated_at"]) == at(15)


def test_every_body_is_the_same_zipped_and_plain_and_says_when_it_is_of(busy: Snapshot) -> None:
    for body in encode_live(track(busy), busy.feed).values():
        assert gzip.decompress(body.gzipped) == body.plain
        assert parse_time(json.loads(body.plain)["updated_at"]) == at(15)


def test_a_plan_that_was_encoded_before_is_served_as_it_is_now(busy: Snapshot) -> None:
    """Also if only the number of its revision has changed, which gives it no other id."""
    plans, state = EncodedPlans(), track(busy)
    filed = plan()
    for number, now in enumerate((filed, filed, replace(filed, revision_id=9), None, filed)):
        pilots = [pilot(flight_plan=now), pilot(cid=2, callsign="ABC2", flight_plan=plan("EYYY"))]
        state = apply(
            state, diff(state, snapshot(30 + 15 * number, pilots=pilots[: 1 + number % 2]), Rules())
        )
        again = encode_live(state, None, plans)[Collection.FLIGHTS]
        assert again == encode_live(state, None)[Collection.FLIGHTS]
        served_plan = json.loads(again.plain)["flights"][0]["flight_plan"]
        assert served_plan == (None if now is None else msgspec.to_builtins(now))


def test_an_etag_is_quoted_and_changes_with_the_body_alone(busy: Snapshot) -> None:
    one = encode_live(track(busy), busy.feed)
    again = encode_live(track(busy), busy.feed)
    other = encode_live(track(snapshot(30, pilots=busy.feed.pilots)), busy.feed)
    for collection in Collection:
        etag = one[collection].etag
        assert etag == again[collection].etag != other[collection].etag
        assert etag[0] == etag[-1] == '"'
        assert one[collection].gzipped == again[collection].gzipped


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_any_number_of_records_is_one_list(count: int) -> None:
    one = snapshot(0, pilots=[pilot(cid=n, callsign=f"ABC{n}") for n in range(count)])
    body = served(one)[Collection.FLIGHTS]
    assert [flight["cid"] for flight in body["flights"]] == list(range(count))
    assert body["count"] == count


def test_a_stale_atis_is_listed_and_not_counted_as_on_the_air() -> None:
    state = NetworkState()
    for one in (
        snapshot(0, atis=[atis(), atis(callsign="EYYY_ATIS")]),
        snapshot(15, atis=[atis(callsign="EYYY_ATIS")]),
    ):
        state = apply(state, diff(state, one, Rules()))
    bodies = {c: json.loads(b.plain) for c, b in encode_live(state, None).items()}
    body = bodies[Collection.ATIS]
    assert (body["count"], body["on_air"], len(body["atis"])) == (2, 1, 2)
    assert {each["callsign"]: each["stale"] for each in body["atis"]} == {
        "EXXX_ATIS": True,
        "EYYY_ATIS": False,
    }
    assert bodies[Collection.NETWORK]["atis"] == 1
    assert RestoredState(encode_live(state, None)).counts[Collection.ATIS] == 1


def test_an_atis_says_what_its_text_says_and_with_which_words() -> None:
    text = ["ATIS EXXX E 221233", "[RWY] 16R FOR DEPS AND 34L FOR ARRS", "[QNH] 1022"]
    one = snapshot(0, atis=[replace(atis(code="E"), text_atis=text)])
    (served_atis,) = served(one)[Collection.ATIS]["atis"]
    assert served_atis["kind"] == "both"
    assert served_atis["letter"] == "E"
    assert served_atis["runways"] == {"departure": ["16R"], "arrival": ["34L"]}
    assert served_atis["qnh_mb"] == 1022
    assert served_atis["words"] == {
        "letter": "ATIS EXXX E",
        "departure": "[RWY] 16R FOR DEPS",
        "arrival": "34L FOR ARRS",
        "qnh_mb": "[QNH] 1022",
    }
    (silent,) = served(snapshot(0, atis=[atis(code=None)]))[Collection.ATIS]["atis"]
    assert silent["runways"] == {"departure": None, "arrival": None}
    assert (silent["letter"], silent["qnh_mb"], silent["words"]) == (None, None, {})


def test_before_the_first_snapshot_everything_is_empty() -> None:
    for collection, body in encode_live(NetworkState(), None).items():
        content = json.loads(body.plain)
        assert content["updated_at"] is None
        if collection is not Collection.NETWORK:
            assert content["count"] == 0


def test_one_record_is_the_same_as_in_its_collection(busy: Snapshot) -> None:
    for collection, body in encode_live(track(busy), busy.feed).items():
        for record in json.loads(body.plain).get(collection.value, []):
            one = record_of(body, record["callsign"].lower())
            if collection is Collection.PREFILES:  # one person may have several
                assert one is None
                continue
            assert one is not None
            assert json.loads(one) == record
        assert record_of(body, "NOBODY") is None
