"""Who talks to whom at one snapshot."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from math import asin, atan2, cos, degrees, pi, sin, sqrt
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.traffic.build import atis, controller, pilot, snapshot
from tests.traffic.naive_contacts import naive_contacts
from vatwatch.feed.records import Controller, Pilot
from vatwatch.traffic import nearest_station
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.geometry import EARTH_RADIUS_NM
from vatwatch.traffic.network_state import NetworkState, Radio, RadioState, Rules
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot
from vatwatch.traffic.radio_contacts import Contact, contacts

FEEDS = Path(__file__).parents[1] / "feeds"
RULES = ContactRules()
HERTZ = 118_500_000
DEGREE_NM = EARTH_RADIUS_NM * pi / 180
# 1,000 ft and 100 ft: 1.23 * (31.62 + 10) is a horizon of 51.196 nm.
HIGH_M, MAST_M = 304.8, 30.48


def aerial(
    latitude: float = 0.0,
    longitude: float = 0.0,
    hertz: int = HERTZ,
    height_m: float | None = 12_192,
    agl_m: float | None = 10,
    radio_id: int = 0,
) -> Radio:
    return Radio(radio_id, hertz, latitude, longitude, height_m, agl_m)


def station(callsign: str, facility: int | None, frequency: str = "118.500") -> Controller:
    cid = 1_000 + sum(map(ord, callsign))
    return replace(controller(cid, callsign, frequency=frequency), facility=facility)


def state_of(
    pilots: Iterable[Pilot],
    controllers: Iterable[Controller],
    radios: Mapping[str, Iterable[Radio]],
) -> NetworkState:
    tuned = {callsign: tuple(each) for callsign, each in radios.items()}
    there = [at_its_radio(one, tuned.get(one.callsign, ())) for one in pilots]
    shown = snapshot(0, pilots=there, controllers=list(controllers), radios=tuned)
    return apply(NetworkState(), diff(NetworkState(), shown, Rules()))


def at_its_radio(one: Pilot, radios: tuple[Radio, ...]) -> Pilot:
    """An aircraft where its first radio is, and as high."""
    if not radios:
        return one
    radio = radios[0]
    feet = one.altitude if radio.height_msl_m is None else round(radio.height_msl_m / 0.3048)
    return replace(one, latitude=radio.latitude, longitude=radio.longitude, altitude=feet)


def found(state: NetworkState, rules: ContactRules = RULES) -> list[tuple[str, str, int, float]]:
    """Flight, station, kHz, and tenths of a mile, by callsign."""
    flights = {flight.flight_id: callsign for callsign, flight in state.flights.items()}
    sessions = {session.session_id: callsign for callsign, session in state.sessions.items()}
    told = contacts(state, rules)
    assert told == naive_contacts(state, rules)
    return sorted(
        (
            flights[one.flight_id],
            sessions[one.session_id],
            one.frequency_hz // 1000,
            round(one.distance_nm, 1),
        )
        for one in told
    )


def one_pair(
    mine: Radio,
    theirs: Radio,
    callsign: str = "QQQ_CTR",
    facility: int | None = 6,
    rules: ContactRules = RULES,
) -> list[Contact]:
    state = state_of([pilot()], [station(callsign, facility)], {"ABC1": [mine], callsign: [theirs]})
    told = contacts(state, rules)
    assert told == naive_contacts(state, rules)
    return told


def away_nm(miles: float) -> float:
    return miles / DEGREE_NM


def places_away(miles: float, north: float, east: float) -> tuple[float, float]:
    """So far from 0, 0 in a direction, of which north and east are the shares."""
    arc = miles / EARTH_RADIUS_NM
    return degrees(asin(sin(arc) * north)), degrees(atan2(sin(arc) * east, cos(arc)))


# --- range by facility ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("callsign", "facility", "reach_nm"),
    [
        ("QQQ_DEL", 2, 15),
        ("QQQ_GND", 3, 15),
        ("QQQ_TWR", 4, 15),
        ("QQQ_APP", 5, 60),
        ("QQQ_DEP", 5, 60),
        ("QQQ_CTR", 6, 400),
        ("QQQ_FSS", 1, 1_000),
        ("QQQ_TWR", 6, 400),  # the facility counts where the callsign says another
        ("QQQ_DEP", None, 60),  # and the callsign where the facility is unknown
        ("QQQ_FSS", 99, 1_000),
        ("QQQ_RMP", None, 15),
        ("QQQ_RDO", None, 15),
    ],
)
def test_a_station_is_heard_as_far_as_its_facility(
    callsign: str, facility: int | None, reach_nm: float
) -> None:
    # Both a million feet high, so that the horizon is no matter.
    theirs = aerial(height_m=304_800)
    for north, east in ((1, 0), (0, 1), (-0.6, 0.8)):
        near, far = (
            aerial(*places_away(miles, north, east), height_m=304_800)
            for miles in (reach_nm - 0.01, reach_nm + 0.01)
        )
        (contact,) = one_pair(near, theirs, callsign, facility)
        assert contact.distance_nm == pytest.approx(reach_nm - 0.01)
        assert one_pair(far, theirs, callsign, facility) == []


def test_the_ranges_can_be_set() -> None:
    rules = ContactRules(tower_nm=30, centre_nm=10)
    there = aerial(away_nm(20))
    assert one_pair(there, aerial(), "QQQ_TWR", 4, rules)
    assert one_pair(there, aerial(), "QQQ_CTR", 6, rules) == []


@pytest.mark.parametrize(
    ("callsign", "facility"),
    [
        ("QQQ_OBS", 0),
        ("QQQ_CTR", 0),
        ("ESSAS", 6),  # a pilot's or an observer's callsign
        ("QQQ_SUP", 5),
        ("QQQ_ATIS", 4),
        ("QQQ_FMP", None),  # flow managers do not talk to pilots
    ],
)
def test_who_is_no_station_has_no_contact(callsign: str, facility: int | None) -> None:
    assert one_pair(aerial(), aerial(), callsign, facility) == []


def test_an_atis_is_no_station() -> None:
    shown = snapshot(
        0,
        pilots=[pilot()],
        atis=[atis(callsign="EXXX_ATIS")],
        radios={"ABC1": (aerial(),), "EXXX_ATIS": (aerial(),)},
    )
    assert contacts(apply(NetworkState(), diff(NetworkState(), shown, Rules())), RULES) == []


def test_a_station_that_shows_no_frequency_yet_is_one_by_its_radios() -> None:
    state = state_of(
        [pilot()],
        [station("QQQ_CTR", 6, "199.998")],
        {"ABC1": [aerial()], "QQQ_CTR": [aerial()]},
    )
    assert found(state) == [("ABC1", "QQQ_CTR", 118_500, 0.0)]


# --- the horizon ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "mine_m", "theirs_m", "horizon_nm"),
    [
        ("1,000 and 100 ft", HIGH_M, MAST_M, 51.196),
        ("FL400 and 100 ft", 12_192, MAST_M, 258.3),
        ("both at the sea: as if 10 ft high", 0, 0, 7.779),
        ("both below it", -3, -400, 7.779),
        ("a station of no known height", HIGH_M, None, 42.785),
    ],
)
def test_both_see_each_other_over_the_curve_of_the_earth(
    what: str, mine_m: float, theirs_m: float | None, horizon_nm: float
) -> None:
    theirs = aerial(height_m=theirs_m)
    assert one_pair(aerial(away_nm(horizon_nm - 0.01), height_m=mine_m), theirs), what
    assert not one_pair(aerial(away_nm(horizon_nm + 0.01), height_m=mine_m), theirs), what


def test_a_pilots_radio_of_no_known_height_is_as_high_as_the_feeds_altitude() -> None:
    mine, theirs = aerial(away_nm(51), height_m=None), aerial(height_m=MAST_M)
    for altitude, heard in ((1_000, 1), (900, 0), (-90, 0)):
        state = state_of(
            [pilot(altitude=altitude)],
            [station("QQQ_CTR", 6)],
            {"ABC1": [mine], "QQQ_CTR": [theirs]},
        )
        assert len(found(state)) == heard, altitude


def test_hf_reaches_beyond_the_horizon() -> None:
    hf, alias = 6_547_000, 131_800_000
    for mine_hz, theirs_hz in ((hf, hf), (alias, hf), (hf, alias)):
        mine, theirs = aerial(away_nm(900), hertz=mine_hz), aerial(hertz=theirs_hz, height_m=10)
        (contact,) = one_pair(mine, theirs, "QQQ_FSS", 1)
        assert contact.frequency_hz == theirs_hz
        assert one_pair(replace(mine, latitude=away_nm(1_001)), theirs, "QQQ_FSS", 1) == []


def test_two_vhf_radios_on_the_alias_of_hf_do_not() -> None:
    theirs = aerial(hertz=131_800_000, height_m=10)
    assert one_pair(aerial(away_nm(900), hertz=131_800_000), theirs, "QQQ_FSS", 1) == []
    (contact,) = one_pair(aerial(away_nm(90), hertz=131_800_000), theirs, "QQQ_FSS", 1)
    assert contact.frequency_hz == 131_800_000


# --- channels -------------------------------------------------------------------------------------

SPELLINGS = [
    (118_025_000, 118_030_000),
    (118_025_000, 118_020_000),
    (118_500_000, 118_500_010),
    (118_500_000, 118_505_000),
    (118_041_667, 118_040_000),
    (131_800_000, 6_547_000),
]


@pytest.mark.parametrize(("one", "other"), [*SPELLINGS, *((b, a) for a, b in SPELLINGS)])
def test_the_spelling_of_a_channel_is_no_matter(one: int, other: int) -> None:
    assert len(one_pair(aerial(hertz=one), aerial(hertz=other))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (118_025_000, 118_035_000),
        (118_000_000, 118_010_000),
        (8_864_000, 8_867_000),
        (0, 0),
        (199_998_000, 199_998_000),
    ],
)
def test_other_channels_and_no_channel_make_no_contact(one: int, other: int) -> None:
    assert one_pair(aerial(hertz=one), aerial(hertz=other)) == []


@pytest.mark.parametrize("hertz", [122_800_000, 122_800_010, 122_805_000, 121_500_000])
def test_unicom_and_guard_are_left_out_in_any_spelling_unless_set_otherwise(hertz: int) -> None:
    mine, theirs = aerial(hertz=hertz), aerial(hertz=hertz)
    assert one_pair(mine, theirs) == []
    assert one_pair(mine, theirs, rules=ContactRules(excluded_hz=frozenset()))
    assert one_pair(mine, theirs, rules=ContactRules(excluded_hz=frozenset({HERTZ})))
    rules = ContactRules(excluded_hz=frozenset({HERTZ + 5_010}))
    assert one_pair(aerial(), aerial(), rules=rules) == [], "whatever the spelling in the setting"


# --- which radio, which station -------------------------------------------------------------------


def test_the_nearest_station_that_is_heard_has_the_contact() -> None:
    state = state_of(
        [pilot()],
        [station("QQA_TWR", 4), station("QQB_CTR", 6), station("QQC_CTR", 6)],
        {
            "ABC1": [aerial()],
            "QQA_TWR": [aerial(away_nm(20))],  # the nearest, and out of its range
            "QQB_CTR": [aerial(away_nm(200))],
            "QQC_CTR": [aerial(away_nm(-150))],
        },
    )
    assert found(state) == [("ABC1", "QQC_CTR", 118_500, 150.0)]


def test_all_radios_of_a_station_count_those_of_coupled_sectors_too() -> None:
    state = state_of(
        [pilot(1, "ABC1"), pilot(2, "ABC2")],
        [station("QQQ_CTR", 6)],
        {
            "ABC1": [aerial(away_nm(500))],
            "ABC2": [aerial(hertz=127_100_000)],
            "QQQ_CTR": [
                aerial(),
                aerial(away_nm(450), radio_id=1),
                aerial(away_nm(30), hertz=127_100_000, radio_id=2),
            ],
        },
    )
    assert found(state) == [
        ("ABC1", "QQQ_CTR", 118_500, 50.0),
        ("ABC2", "QQQ_CTR", 127_100, 30.0),
    ]


def test_a_higher_radio_is_heard_where_a_nearer_one_is_below_the_horizon() -> None:
    state = state_of(
        [pilot()],
        [station("QQQ_CTR", 6)],
        {
            "ABC1": [aerial(height_m=HIGH_M)],
            "QQQ_CTR": [
                aerial(away_nm(60), height_m=MAST_M),
                aerial(away_nm(90), height_m=1_500, radio_id=1),
            ],
        },
    )
    assert found(state) == [("ABC1", "QQQ_CTR", 118_500, 90.0)]


def test_a_pilot_with_two_radios_has_a_contact_on_each_channel_and_one_on_the_same() -> None:
    state = state_of(
        [pilot(1, "ABC1"), pilot(2, "ABC2")],
        [station("QQA_CTR", 6), station("QQB_CTR", 6, "127.100")],
        {
            "ABC1": [aerial(), aerial(hertz=127_100_000, radio_id=1)],
            "ABC2": [aerial(), aerial(hertz=118_505_000, radio_id=1)],
            "QQA_CTR": [aerial()],
            "QQB_CTR": [aerial(hertz=127_100_000)],
        },
    )
    assert found(state) == [
        ("ABC1", "QQA_CTR", 118_500, 0.0),
        ("ABC1", "QQB_CTR", 127_100, 0.0),
        ("ABC2", "QQA_CTR", 118_500, 0.0),
    ]


@pytest.mark.parametrize("owner", ["QQA_CTR", "QQB_CTR"])
def test_on_one_mast_the_station_whose_own_frequency_it_is_has_the_contact(owner: str) -> None:
    own = {callsign: "118.500" if callsign == owner else "127.100" for callsign in CENTRES}
    state = state_of(
        [pilot()],
        [station(callsign, 6, own[callsign]) for callsign in CENTRES],
        {"ABC1": [aerial(away_nm(10))], "QQA_CTR": [aerial()], "QQB_CTR": [aerial()]},
    )
    assert found(state) == [("ABC1", owner, 118_500, 10.0)]


CENTRES = ("QQA_CTR", "QQB_CTR")


def test_on_one_mast_and_channel_the_lower_id_has_it() -> None:
    radios = {"ABC1": [aerial(away_nm(10))], "QQA_CTR": [aerial()], "QQB_CTR": [aerial()]}
    stations = [station(callsign, 6) for callsign in CENTRES]
    for each in (stations, stations[::-1]):
        state = state_of([pilot()], each, radios)
        (contact,) = contacts(state, RULES)
        assert contact.session_id == min(one.session_id for one in state.sessions.values())


def test_a_station_whose_radios_are_not_believed_is_at_its_airport() -> None:
    duxford, paris = load_airports()["EGSU"], load_airports()["LFPG"]
    state = state_of(
        [pilot(1, "ABC1"), pilot(2, "ABC2")],
        [station("EGSU_TWR", 4)],
        {
            "ABC1": [aerial(duxford.latitude + away_nm(5), duxford.longitude, height_m=300)],
            "ABC2": [aerial(paris.latitude, paris.longitude, height_m=300)],
            "EGSU_TWR": [aerial(paris.latitude, paris.longitude, height_m=130)],
        },
    )
    (contact,) = contacts(state, RULES)
    assert contact.flight_id == state.flights["ABC1"].flight_id
    assert (contact.distance_nm, contact.placed_by) == (pytest.approx(5, abs=0.01), "airport")
    assert found(state) == [("ABC1", "EGSU_TWR", 118_500, 5.0)]


def test_at_its_airport_a_station_is_as_high_as_the_field_and_its_mast() -> None:
    # Denver's field is at 5,434 ft; with a mast of 66 ft its horizon is 91.2 nm, and an aircraft's
    # 10 ft above the sea, which is in the ground there, 3.9.
    denver = load_airports()["KDEN"]
    horizon_nm = 1.23 * (sqrt(denver.elevation_ft + 20 / 0.3048) + sqrt(10))
    for miles, heard in ((horizon_nm - 0.05, 1), (horizon_nm + 0.05, 0)):
        state = state_of(
            [pilot()],
            [station("KDEN_APP", 6)],
            {
                "ABC1": [aerial(denver.latitude + away_nm(miles), denver.longitude, height_m=0)],
                "KDEN_APP": [aerial(0, 0, height_m=2, agl_m=20)],
            },
        )
        assert len(found(state)) == heard


def test_a_contact_that_lasts_has_the_same_key_in_the_next_snapshot() -> None:
    (before,) = one_pair(aerial(away_nm(10), hertz=118_025_000), aerial(hertz=118_025_000))
    (after,) = one_pair(aerial(away_nm(12), hertz=118_030_000), aerial(hertz=118_025_010))
    assert (after.key, after.distance_nm) == (before.key, before.distance_nm + 2)
    (other,) = one_pair(aerial(hertz=118_035_000), aerial(hertz=118_035_000))
    assert other.key != before.key


# --- everywhere, and whatever is sent -------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "mine", "theirs", "miles"),
    [
        ("over the date line", (0, 179.5), (0, -179.5), DEGREE_NM),
        ("180 east is 180 west", (10, 180), (10, -180), 0),
        ("over the pole", (89.5, 0), (89.5, 180), DEGREE_NM),
        ("at the pole any longitude", (90, 12), (90, -77), 0),
        ("over the south pole", (-89.5, -90), (-89.5, 90), DEGREE_NM),
    ],
)
def test_neither_the_poles_nor_the_date_line_are_an_edge(
    what: str, mine: tuple[float, float], theirs: tuple[float, float], miles: float
) -> None:
    (contact,) = one_pair(aerial(*mine), aerial(*theirs))
    assert contact.distance_nm == pytest.approx(miles, abs=0.001), what


def test_without_radios_or_stations_there_is_no_contact() -> None:
    assert contacts(NetworkState(), RULES) == []
    assert found(state_of([pilot()], [station("QQQ_CTR", 6)], {"ABC1": [aerial()]})) == []
    assert found(state_of([pilot()], [station("QQQ_CTR", 6)], {"QQQ_CTR": [aerial()]})) == []
    assert found(state_of([pilot()], [], {"ABC1": [aerial()], "QQQ_CTR": [aerial()]})) == []


def test_radios_of_who_had_the_callsign_before_are_not_those_of_who_has_it_now() -> None:
    state = state_of(
        [pilot()], [station("QQQ_CTR", 6)], {"ABC1": [aerial()], "QQQ_CTR": [aerial()]}
    )
    same = station("QQQ_CTR", 6)
    for flies, controls in ((pilot(7), same), (pilot(), replace(same, cid=7))):
        passed_on = snapshot(15, pilots=[flies], controllers=[controls])
        assert passed_on.radios is None, "the feed of radios is down"
        assert found(apply(state, diff(state, passed_on, Rules()))) == []


def test_thousands_of_radios_of_one_client_are_one_contact_a_channel() -> None:
    many = [aerial(i / 1000, i / 500, 118_000_000 + i % 3 * 25_000, 100, i) for i in range(3000)]
    same = [aerial(hertz=118_000_000, radio_id=i) for i in range(3000)]
    state = state_of(
        [pilot(1, "ABC1"), pilot(2, "ABC2")],
        [station("QQQ_CTR", 6)],
        {"ABC1": same, "ABC2": [aerial(hertz=118_025_000)], "QQQ_CTR": many},
    )
    assert found(state) == [
        ("ABC1", "QQQ_CTR", 118_000, 0.0),
        ("ABC2", "QQQ_CTR", 118_025, 0.1),
    ]


@pytest.mark.parametrize("which", range(6))
def test_of_many_radios_of_a_client_the_one_on_the_channel_counts(which: int) -> None:
    # Where they claim to be is no matter: the aircraft is where its track has it.
    others = [aerial(away_nm(900), hertz=127_100_000, height_m=0, radio_id=i) for i in range(6)]
    others[which] = aerial(away_nm(900), radio_id=which)
    shown = snapshot(
        0,
        pilots=[replace(pilot(latitude=away_nm(90), altitude=40_000), longitude=0.0)],
        controllers=[station("QQQ_CTR", 6)],
        radios={"ABC1": tuple(others), "QQQ_CTR": (aerial(height_m=MAST_M),)},
    )
    state = apply(NetworkState(), diff(NetworkState(), shown, Rules()))
    assert found(state) == [("ABC1", "QQQ_CTR", 118_500, 90.0)]


# --- any network ----------------------------------------------------------------------------------

# Few values of each, so that radios meet: on one mast, at the same distance, over every edge.
LATITUDES = st.sampled_from([0.0, 0.1, -0.1, 2.0, 89.9, 90.0, -90.0]) | st.floats(-3, 3, width=32)
LONGITUDES = st.sampled_from([0.0, 0.1, 179.9, 180.0, -180.0, -90.0]) | st.floats(-3, 3, width=32)
FREQUENCIES = (
    st.sampled_from([HERTZ, HERTZ + 5_000, HERTZ + 10, 118_520_000, 118_525_000])
    | st.sampled_from([131_800_000, 6_547_000, 6_547_001])
    | st.sampled_from([122_800_000, 121_500_000, 199_998_000, 0, -1])
)
HEIGHTS = st.sampled_from([None, 0.0, -50.0, 30.0, 300.0, 11_000.0, 1e9])
RADIOS = st.lists(
    st.builds(aerial, LATITUDES, LONGITUDES, FREQUENCIES, HEIGHTS, HEIGHTS, st.integers(0, 3)),
    max_size=4,
)
STATIONS = ("EGLL_TWR", "EGLL_N_APP", "KJFK_GND", "QQQ_CTR", "QQQ_FSS", "QQQ_OBS", "LFPG_DEL")
SHOWN = st.sampled_from(["118.500", "118.505", "131.800", "199.998"])


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Pilot], list[Controller], dict[str, list[Radio]]]:
    pilots = [
        pilot(number, f"ABC{number}", altitude=draw(st.sampled_from([-10, 0, 3_000, 41_000])))
        for number in range(1, draw(st.integers(0, 8)) + 1)
    ]
    stations = [
        station(callsign, draw(st.sampled_from([None, 0, 1, 2, 3, 4, 5, 6, 9])), draw(SHOWN))
        for callsign in draw(st.lists(st.sampled_from(STATIONS), unique=True))
    ]
    radios = {one.callsign: draw(RADIOS) for one in [*pilots, *stations]}
    return pilots, stations, radios


@given(network=networks(), shuffled=st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_any_network_is_paired_as_by_looking_at_every_pair_in_any_order(
    network: tuple[list[Pilot], list[Controller], dict[str, list[Radio]]], shuffled: Random
) -> None:
    pilots, stations, radios = network
    state = state_of(pilots, stations, radios)
    told = contacts(state, RULES)
    assert told == naive_contacts(state, RULES)
    assert contacts(in_other_order(state, shuffled), RULES) == told


@given(
    seed=st.integers(0, 2**32), aircraft=st.integers(50, 150), pairs_at_once=st.integers(1, 5_000)
)
@settings(max_examples=15, deadline=None)
def test_a_crowded_channel_is_paired_as_by_looking_at_every_pair(
    seed: int, aircraft: int, pairs_at_once: int
) -> None:
    state = crowd(Random(seed), aircraft)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest_station, "PAIRS_AT_ONCE", pairs_at_once)
        told = contacts(state, RULES)
    assert told == naive_contacts(state, RULES)
    assert told, "nobody is near anybody"


def test_both_feeds_are_paired_as_by_looking_at_every_pair() -> None:
    data = gzip.decompress((FEEDS / "vatsim-data-20210424T152814Z.json.gz").read_bytes())
    radios = gzip.decompress((FEEDS / "transceivers-data-20210424T152814Z.json.gz").read_bytes())
    decoded = decode_snapshot(data, radios, Options())
    state = compare(NetworkState(), decoded, Rules()).state
    told = contacts(state, RULES)
    assert told == naive_contacts(state, RULES)
    assert len(told) > 50


def crowd(random: Random, aircraft: int) -> NetworkState:
    """All on one channel, within a few degrees of a place, which may be an edge of the map."""
    latitude, longitude = random.choice([(50, 10), (0, 180), (88, 0), (-89, -90)])

    def somewhere() -> Radio:
        return aerial(
            max(-90, min(90, latitude + random.uniform(-4, 4))),
            (longitude + random.uniform(-4, 4) + 180) % 360 - 180,
            height_m=random.choice([10, 300, 11_000]),
            radio_id=random.randrange(10**6),
        )

    pilots = [pilot(number, f"ABC{number}") for number in range(1, aircraft + 1)]
    stations = [
        station(f"QQ{'ABCDEFGHIJ'[number]}_CTR", random.randint(1, 6)) for number in range(10)
    ]
    radios = {
        one.callsign: [somewhere() for _ in range(random.randint(1, 6))]
        for one in [*pilots, *stations]
    }
    return state_of(pilots, stations, radios)


def in_other_order(state: NetworkState, random: Random) -> NetworkState:
    def shuffled(tuned: tuple[RadioState, ...]) -> tuple[RadioState, ...]:
        return tuple(random.sample(tuned, len(tuned)))

    callsigns = random.sample(list(state.radios), len(state.radios))
    return replace(
        state,
        flights=dict(random.sample(list(state.flights.items()), len(state.flights))),
        sessions=dict(random.sample(list(state.sessions.items()), len(state.sessions))),
        radios={callsign: shuffled(state.radios[callsign]) for callsign in callsigns},
    )
