"""Who is in which FIR and sector, from one snapshot to the next."""

from __future__ import annotations

import shapely
from msgspec.structs import replace

from tests.traffic.areas.test_sector_map import volume
from tests.traffic.build import at, pilot, snapshot
from vatwatch.events.payloads import SectorPayload
from vatwatch.feed.records import Pilot
from vatwatch.traffic.areas.known_areas import NO_AREAS
from vatwatch.traffic.areas.volumes import Volume
from vatwatch.traffic.changes import SectorChanges
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.events import events_of
from vatwatch.traffic.network_state import NetworkState, Rules, Snapshot

LOW = volume(shapely.box(0, 0, 10, 2), "Low", 0, 10_000)
NORTH = volume(shapely.box(0, 2, 10, 4), "North", 0, 10_000)
RULES = Rules(areas=replace(NO_AREAS, volumes=(LOW, NORTH), digest="1"))


def flies(latitude: float = 1.0, altitude: int = 5_000, cid: int = 1) -> Pilot:
    callsign = f"ABC{cid}"
    return pilot(cid, callsign, latitude=latitude, altitude=altitude, groundspeed=300)


def shown(*snapshots: Snapshot, rules: Rules = RULES) -> tuple[NetworkState, SectorChanges]:
    """After the last of them."""
    state, told = NetworkState(), SectorChanges()
    for one in snapshots:
        changes = diff(state, one, rules)
        state, told = apply(state, changes), changes.sectors
    return state, told


def in_sectors(state: NetworkState) -> list[tuple[str, str]]:
    return sorted((stay.callsign, stay.sector) for stay in state.stays.values())


def test_a_stay_begins_with_the_first_snapshot_that_shows_it() -> None:
    state, told = shown(snapshot(0), snapshot(15, pilots=[flies()]))
    (stay,) = state.stays.values()
    assert told.entered == [stay]
    assert (stay.sector, stay.since, stay.entry_altitude_ft) == ("Low", at(15), 5_000)
    assert [each.name for each in told.sectors] == ["Low"]


def test_a_stay_that_goes_on_is_the_same_and_is_not_told_again() -> None:
    state, told = shown(
        snapshot(0, pilots=[flies()]), snapshot(15, pilots=[flies(1.01, altitude=6_000)])
    )
    assert [stay.since for stay in state.stays.values()] == [at(0)]
    assert (told.entered, told.left, told.sectors) == ([], [], [])


def test_who_crosses_a_border_leaves_one_and_enters_the_other() -> None:
    before = snapshot(0, pilots=[flies(1.99)])
    after = snapshot(15, pilots=[flies(2.01, altitude=6_000)])
    state, told = shown(before, after)
    assert in_sectors(state) == [("ABC1", "North")]
    ((left, altitude),) = told.left
    assert (left.sector, altitude) == ("Low", 5_000)


def test_who_climbs_through_the_ceiling_leaves() -> None:
    state, told = shown(
        snapshot(0, pilots=[flies(altitude=9_990)]), snapshot(15, pilots=[flies(altitude=10_000)])
    )
    assert state.stays == {}
    assert [altitude for _, altitude in told.left] == [9_990]


def test_who_stands_on_the_ground_is_nowhere() -> None:
    assert shown(snapshot(0, pilots=[pilot()]))[0].stays == {}


def test_who_goes_offline_has_left() -> None:
    state, told = shown(snapshot(0, pilots=[flies()]), snapshot(15))
    assert state.stays == {}
    assert len(told.left) == 1


def test_who_was_never_let_through_is_nowhere() -> None:
    kept_out = replace(snapshot(0, pilots=[flies(), flies(cid=2)]), let_through=frozenset({"ABC2"}))
    assert in_sectors(shown(kept_out)[0]) == [("ABC2", "Low")]


def test_the_order_of_the_pilots_does_not_matter() -> None:
    pilots = [flies(cid=number, latitude=number / 2) for number in range(1, 8)]
    forth, back = (shown(snapshot(0, pilots=each))[0] for each in (pilots, pilots[::-1]))
    assert forth.stays == back.stays


def test_entries_and_exits_are_told_with_time_and_altitude() -> None:
    first = snapshot(0, pilots=[flies(1.99)])
    changes = diff(NetworkState(), first, RULES)
    state = apply(NetworkState(), changes)
    told = events_of(diff(state, snapshot(15, pilots=[flies(2.01, altitude=6_000)]), RULES))
    payloads = {event.type: event.payload for event in told}
    left, entered = payloads["SECTOR_LEFT"], payloads["SECTOR_ENTERED"]
    assert isinstance(left, SectorPayload)
    assert isinstance(entered, SectorPayload)
    assert (left.sector, left.time, left.altitude) == ("Low", at(0), 5_000)
    assert (entered.sector, entered.time, entered.altitude) == ("North", at(15), 6_000)
    assert entered.callsign == "ABC1"


# --- other areas ----------------------------------------------------------------------------------


def crossings(before: Rules, after: Rules, *snapshots: Snapshot) -> tuple[NetworkState, list[str]]:
    """With other areas from the last snapshot on: the state after it, and who is told to cross."""
    state, _ = shown(*snapshots[:-1], rules=before)
    changes = diff(state, snapshots[-1], after)
    events = ((event.type, event.payload) for event in events_of(changes))
    told = [
        f"{crossing.callsign} {kind.removeprefix('SECTOR_').lower()} {crossing.sector}"
        for kind, crossing in events
        if isinstance(crossing, SectorPayload)
    ]
    return apply(state, changes), sorted(told)


def rules_of(*volumes: Volume) -> Rules:
    return Rules(areas=replace(NO_AREAS, volumes=volumes, digest=str(volumes)))


def test_who_is_found_in_new_areas_has_a_stay_and_no_event() -> None:
    still = [snapshot(second, pilots=[flies()]) for second in (0, 15)]
    state, told = crossings(Rules(), RULES, *still)
    assert [(stay.sector, stay.since) for stay in state.stays.values()] == [("Low", at(15))]
    assert told == []


def test_who_is_in_an_area_of_the_same_name_goes_on_without_an_event() -> None:
    larger = rules_of(volume(shapely.box(-5, -5, 10, 2), "Low", 0, 12_000), NORTH)
    state, told = crossings(RULES, larger, *(snapshot(n, pilots=[flies()]) for n in (0, 15)))
    assert [(stay.sector, stay.since) for stay in state.stays.values()] == [("Low", at(0))]
    assert told == []


def test_who_was_in_an_area_that_is_gone_or_elsewhere_has_no_stay_and_no_event() -> None:
    elsewhere = rules_of(volume(shapely.box(0, -9, 10, -8), "Low", 0, 10_000), NORTH)
    for areas in (elsewhere, rules_of(NORTH), Rules()):
        flying = (snapshot(second, pilots=[flies()]) for second in (0, 15))
        state, told = crossings(RULES, areas, *flying)
        assert (state.stays, told) == ({}, [])


def test_who_crosses_a_border_while_the_areas_change_is_told() -> None:
    # One goes from Low to North, one flies in Low, one takes off there, one connects there, one
    # goes offline in North.
    before = [flies(1.99), flies(cid=2), pilot(3, "ABC3"), flies(3, cid=5)]
    after = [flies(2.01), flies(1.01, cid=2), flies(cid=3), flies(cid=4)]
    given = snapshot(0, pilots=before), snapshot(15, pilots=after)
    entered = ["ABC1 entered North", "ABC3 entered Low", "ABC4 entered Low"]
    assert crossings(Rules(), RULES, *given)[1] == entered
    assert crossings(RULES, rules_of(LOW, NORTH), *given)[1] == [
        "ABC1 entered North",
        "ABC1 left Low",
        *entered[1:],
        "ABC5 left North",
    ]


def test_whoever_crosses_later_is_told_though_the_stay_began_without_an_event() -> None:
    still = [snapshot(second, pilots=[flies(1.99)]) for second in (0, 15)]
    state, _ = crossings(Rules(), RULES, *still)
    told = diff(state, snapshot(30, pilots=[flies(2.01)]), RULES).sectors
    assert [stay.sector for stay, _ in told.left] == ["Low"]
    assert told.redrawn == set()


def test_who_is_let_through_in_a_sector_enters_it() -> None:
    kept_out = replace(snapshot(0, pilots=[flies()]), let_through=frozenset())
    _, told = crossings(RULES, RULES, kept_out, snapshot(15, pilots=[flies()]))
    assert told == ["ABC1 entered Low"]
