"""The truth of contacts and areas, held against other ways to find the same."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
import shapely
from shapely.geometry import shape

from tests.traffic.naive_contacts import naive_contacts
from tests.vatsim_simulator.conftest import START
from vatsim_simulator.areas import BOUNDARIES, SECTORS, area_files
from vatsim_simulator.fir_cells import cell_at
from vatsim_simulator.inside import areas_at
from vatsim_simulator.oddities import Rates
from vatsim_simulator.radio_names import HF_OF_VHF, channel_hz, name_hz, other_name_hz
from vatsim_simulator.truth import TruthKind, TruthRecord
from vatsim_simulator.world import World
from vatwatch.traffic import radio_channels
from vatwatch.traffic.contact_rules import ContactRules
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot

ODD = Rates(
    controllers=4, couples=0.5, same_frequency=0.2, other_spelling=0.5, station_far_off=0.5,
    on_hf=1, controller_reconnects_a_step=0.002,
)  # fmt: skip
BEGINS = (TruthKind.CONTACT_BEGAN, TruthKind.SECTOR_ENTERED)
ENDS = (TruthKind.CONTACT_ENDED, TruthKind.SECTOR_LEFT)


def key(record: TruthRecord) -> tuple[object, ...]:
    return (record.flight, record.session, record.frequency_hz, record.area, record.sector)


@pytest.fixture(scope="module")
def hour() -> tuple[list[TruthRecord], list[tuple[int, int]]]:
    """An hour's records; and at each update how many contacts the truth has, and how many differ
    from those that are found by looking at every pair of radios in the feed."""
    world = World(5, 250, START, ODD, watched=True)
    records, counts = world.take_truth(), list[tuple[int, int]]()
    lasting = {key(one): one for one in records if one.kind is TruthKind.CONTACT_BEGAN}
    state, encode, options = NetworkState(), msgspec.json.encode, Options()
    for _ in range(240):
        world.advance()
        for record in world.take_truth():
            records.append(record)
            if record.kind is TruthKind.CONTACT_BEGAN:
                lasting[key(record)] = record
            elif record.kind is TruthKind.CONTACT_ENDED:
                del lasting[key(record)]
        decoded = decode_snapshot(encode(world.feed()), encode(world.radios()), options)
        state = compare(state, decoded, options.rules).state
        true = {(one.cid, one.station, one.frequency_hz) for one in lasting.values()}
        cids = {one.flight_id: one.pilot.cid for one in state.flights.values()}
        stations = {one.session_id: one.controller.callsign for one in state.sessions.values()}
        found = {
            (cids[one.flight_id], stations[one.session_id], one.frequency_hz)
            for one in naive_contacts(state, ContactRules())
        }
        counts.append((len(true), len(true ^ found)))
    return records, counts


def test_contacts_are_those_of_every_pair_of_radios(
    hour: tuple[list[TruthRecord], list[tuple[int, int]]],
) -> None:
    _, counts = hour
    assert sum(true for true, _ in counts) > 5_000
    # The feed's heights differ a little from those of the radios.
    assert sum(differ for _, differ in counts) < 0.005 * sum(true for true, _ in counts)


def test_what_ends_has_begun_and_nothing_begins_twice(
    hour: tuple[list[TruthRecord], list[tuple[int, int]]],
) -> None:
    since: dict[object, TruthRecord] = {}
    for record in hour[0]:
        if record.kind in BEGINS:
            assert key(record) not in since
            since[key(record)] = record
        elif record.kind in ENDS:
            assert since.pop(key(record)).time <= record.time


def test_contacts_and_crossings_are_told_to_the_second_and_not_to_the_update(
    hour: tuple[list[TruthRecord], list[tuple[int, int]]],
) -> None:
    for kind in (*BEGINS, *ENDS):
        seconds = [(one.time - START).total_seconds() % 15 for one in hour[0] if one.kind is kind]
        between = sum(0.5 < second < 14.5 for second in seconds)
        assert between > 0.5 * len(seconds) > 10, kind


def test_there_are_contacts_of_every_kind(
    hour: tuple[list[TruthRecord], list[tuple[int, int]]],
) -> None:
    world = World(5, 250, START, ODD)
    own = {one.callsign: round(float(one.frequency) * 1e6) for one in world.feed().controllers}
    began = [one for one in hour[0] if one.kind is TruthKind.CONTACT_BEGAN]
    stations = Counter(one.station.rpartition("_")[2] for one in began)
    assert {"TWR", "GND", "APP", "CTR"} <= stations.keys()
    coupled = [one for one in began if one.station in own and one.frequency_hz is not None]
    assert any(channel_hz(one.frequency_hz) != channel_hz(own[one.station]) for one in coupled)


def test_a_channel_is_the_same_in_each_spelling_as_the_rules_have_it() -> None:
    for hertz in range(117_000_000, 138_000_000, 5_000):
        assert name_hz(hertz) == radio_channels.named_hz(hertz), hertz
        for which in (0, 1, 2):
            other = other_name_hz(hertz, which)
            if radio_channels.named_hz(hertz) == hertz:
                assert channel_hz(other) == channel_hz(hertz), (hertz, which)
    for vhf, hf in HF_OF_VHF.items():
        assert channel_hz(vhf) == channel_hz(hf) == hf
        assert radio_channels.HF_OF_ALIAS[vhf] == hf


def test_a_point_is_in_the_areas_of_the_files() -> None:
    areas = [
        (kind, name, one)
        for kind, names in (("fir", [BOUNDARIES]), ("sector", SECTORS))
        for file in names
        for one, name in features(area_files()[file])
    ]
    random, seen = Random(1), Counter[str]()
    for _ in range(4_000):
        latitude, longitude = random.uniform(-60, 65), random.uniform(-180, 180)
        altitude = random.choice((2_000, 9_499, 9_500, 24_499, 24_500, 40_000, 65_999, 66_000))
        expected = {
            (kind, name)
            for kind, name, one in areas
            if one["floor"] <= altitude < one["ceiling"]
            and shapely.contains_xy(one["shape"], longitude, latitude)
        }
        assert set(areas_at(latitude, longitude, altitude)) == expected, cell_at(
            latitude, longitude
        )
        seen.update(kind for kind, _ in expected)
    assert min(seen["fir"], seen["sector"]) > 300


def features(data: bytes) -> list[tuple[dict[str, Any], str]]:
    found = []
    for feature in msgspec.json.decode(data)["features"]:
        said = feature["properties"]
        name = said.get("name") or said["id"] + ("-OCEANIC" if said["oceanic"] == "1" else "")
        floor, ceiling = said.get("floor", 0), said.get("ceiling", 10**6)
        one = {"shape": shape(feature["geometry"]), "floor": floor, "ceiling": ceiling}
        found.append((one, name))
    return found


def test_who_watches_does_not_change_the_world() -> None:
    watched, unwatched = World(5, 60, START, watched=True), World(5, 60, START)
    for _ in range(40):
        watched.advance()
        unwatched.advance()
    assert watched.feed() == unwatched.feed()
    assert watched.radios() == unwatched.radios()
    kinds = {one.kind for one in unwatched.take_truth()}
    assert not kinds & {*BEGINS, *ENDS}
