"""Sectors say what a naive look at each flight says."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.storage.test_derived_again import archive_of
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, area_files
from vatwatch.live.board_pages import PageQuery, read_rank
from vatwatch.live.sector_records import SectorKey
from vatwatch.live.sector_views import MAX_OVER, NO_SECTORS, SectorViews
from vatwatch.traffic.areas.given_file import AreaSetting, read_given
from vatwatch.traffic.areas.known_areas import NO_AREAS, KnownAreas, known_areas
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import Options, compare
from vatwatch.traffic.sector_loads import expected_loads
from vatwatch.traffic.sector_warnings import WarningLevels

ALL = PageQuery()


@cache
def areas() -> KnownAreas:
    """Those of the simulated world."""
    files = area_files()
    given = [(name, AreaSetting.POSITIONS) for name in POSITIONS_DATA]
    given += [(name, AreaSetting.SECTORS) for name in SECTORS]
    return known_areas([read_given(files[name], name, setting) for name, setting in given])


@cache
def state() -> NetworkState:
    """Ten minutes of the simulated world."""
    options, known = Options(rules=Rules(areas=areas())), NetworkState()
    for decoded in archive_of(seed=11, pilots=150, options=options, count=14):
        known = compare(known, decoded, options.rules).state
    return known


@cache
def views() -> SectorViews:
    return SectorViews(state(), areas())


def listed(of: SectorViews, query: PageQuery = ALL, kind: str = "") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(of.listed(query, kind).plain)
    return found


def one(of: SectorViews, kind: str, name: str) -> dict[str, Any]:
    body = of.one(SectorKey(kind, name))
    assert body is not None
    found: dict[str, Any] = msgspec.json.decode(body.plain)
    return found


def test_in_each_sector_are_those_who_stay_there() -> None:
    busy = 0
    for sector in listed(views())["sectors"]:
        found = one(views(), sector["kind"], sector["name"])
        naive = sorted(
            stay.callsign
            for stay in state().stays.values()
            if (stay.kind, stay.sector) == (sector["kind"], sector["name"])
        )
        assert found["now"] == naive
        assert found["load"] == sector["load"] == len(naive)
        assert sector["expected_most"] == max(each["load"] for each in found["expected"])
        assert {k: v for k, v in found.items() if k in sector} == {
            k: v for k, v in sector.items() if k in found
        }
        busy += bool(naive)
    assert busy > 20


def test_what_is_expected_is_what_the_rules_say() -> None:
    time = state().time
    assert time is not None
    loads = expected_loads(state().flights.values(), areas().sector_map, time)
    for number, sector in enumerate(areas().sector_map.sectors):
        found = one(views(), sector.kind, sector.name)["expected"]
        assert [each["load"] for each in found] == loads.loads[:, number].tolist()
        assert [each["time"] for each in found] == msgspec.to_builtins(loads.times())


def test_the_busiest_come_first_then_those_that_will_be_then_by_name() -> None:
    found = listed(views())
    ranks = [
        (-s["load"], -s["expected_most"], f"{s['name']}|{s['kind']}") for s in found["sectors"]
    ]
    assert ranks == sorted(ranks)
    assert found["total"] == found["count"] == len(areas().sector_map.sectors)
    assert found["sectors"][0]["load"] > found["sectors"][-1]["load"] == 0


def test_pages_are_the_whole_list_in_pieces() -> None:
    whole, pages, cursor = listed(views())["sectors"], [], ""
    while cursor is not None:
        after = read_rank(cursor) if cursor else None
        part = listed(views(), PageQuery(limit=7, after=after))
        pages += part["sectors"]
        cursor = part["next_cursor"]
    assert pages == whole


def test_one_kind_may_be_asked_for() -> None:
    for kind in ("fir", "sector"):
        found = listed(views(), kind=kind)
        assert {sector["kind"] for sector in found["sectors"]} == {kind}
        assert found["total"] == len(found["sectors"])


def test_a_sector_tells_its_heights_and_where_it_is_from() -> None:
    for volume in areas().volumes:
        found = one(views(), volume.kind, volume.name)
        assert volume.source in found["source"]
        assert volume.cycle in found["cycle"]
        if len(areas().sector_map.by_name[volume.kind, volume.name].volumes) == 1:
            assert (found["floor_ft"], found["ceiling_ft"]) == (volume.floor_ft, volume.ceiling_ft)


def test_flights_that_the_filters_hold_back_do_not_count() -> None:
    flights = {
        callsign: replace(flight, shown=number % 2 == 0)
        for number, (callsign, flight) in enumerate(state().flights.items())
    }
    known = replace(state(), flights=flights)
    held_back = {callsign for callsign, flight in flights.items() if not flight.shown}
    only_shown = SectorViews(known, areas())
    told = set()
    for sector in listed(only_shown)["sectors"]:
        found = one(only_shown, sector["kind"], sector["name"])
        assert not held_back & set(found["now"])
        told |= set(found["now"])
    assert told
    most = sum(sector["expected_most"] for sector in listed(only_shown)["sectors"])
    assert most < sum(sector["expected_most"] for sector in listed(views())["sectors"])


def test_stays_in_areas_that_are_no_longer_in_use_are_left_out() -> None:
    fewer = replace(areas(), volumes=areas().volumes[:3], digest="fewer")
    found = listed(SectorViews(state(), fewer))
    assert found["total"] == len({(each.kind, each.name) for each in areas().volumes[:3]})


def test_without_files_the_list_is_empty_and_says_how_to_get_one() -> None:
    without = SectorViews(state(), NO_AREAS)
    found = listed(without)
    assert (found["sectors"], found["total"], found["note"]) == ([], 0, NO_SECTORS)
    assert without.one(SectorKey("sector", "Nowhere")) is None
    assert "note" not in listed(views())


# --- warning levels -------------------------------------------------------------------------------


def levels(of_all: int | None = None, **named: int | None) -> WarningLevels:
    return WarningLevels(of_all, {name.casefold(): level for name, level in named.items()})


def test_a_level_is_reached_by_the_load_now_or_by_one_within_the_hour() -> None:
    for level in (1, 3, 8):
        warned = SectorViews(state(), areas(), levels(level))
        naive = []
        for sector in listed(warned)["sectors"]:
            assert sector["warning"] == level
            found = one(warned, sector["kind"], sector["name"])
            most = max(each["load"] for each in found["expected"])
            if max(found["load"], most) >= level:
                naive.append((sector["kind"], sector["name"], found["load"], most))
        reached = warned.over()
        assert len(reached) == min(len(naive), MAX_OVER)
        assert {(each.kind, each.name, each.load, each.expected) for each in reached} <= set(naive)
        busy = [max(each.load, each.expected) for each in reached]
        assert busy == sorted(busy, reverse=True)
        for each in reached:
            expected = one(warned, each.kind, each.name)["expected"]
            when = next(step["time"] for step in expected if step["load"] == each.expected)
            assert msgspec.to_builtins(each.at) == when
    assert naive, "the highest level is reached by some"


def test_the_busiest_fifty_are_told() -> None:
    assert len(SectorViews(state(), areas(), levels(1)).over()) == MAX_OVER


def test_without_a_level_none_is_reached() -> None:
    assert views().over() == ()


def test_a_named_level_counts_before_that_of_the_file_and_that_before_that_of_all() -> None:
    said = tuple(
        replace(volume, warning=4 if volume.name.endswith("Low") else None)
        for volume in areas().volumes
    )
    with_files = replace(areas(), volumes=said, digest="said")
    (low, other) = (
        next(each.name for each in said if each.warning == level) for level in (4, None)
    )
    table = [
        (levels(), low, 4),
        (levels(), other, None),
        (levels(9), low, 4),
        (levels(9), other, 9),
        (levels(9, **{low: 2, other: None}), low, 2),
        (levels(9, **{low: 2, other: None}), other, None),
        (levels(**{low: None}), low, None),
    ]
    for given, name, expected in table:
        sectors = listed(SectorViews(state(), with_files, given))["sectors"]
        assert {each["warning"] for each in sectors if each["name"] == name} == {expected}
