"""Boards say what a naive look at each flight, airport by airport, says."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
import shapely
from msgspec.structs import replace

from tests.storage.test_derived_again import archive_of
from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.board_pages import PageQuery, read_rank
from vatwatch.live.fir_boards import NO_FIRS, FirBoards
from vatwatch.traffic.airfields import OFF_AIRPORT
from vatwatch.traffic.airports import load_airports, similar_airport
from vatwatch.traffic.areas.area_file import Area
from vatwatch.traffic.areas.known_areas import (
    NO_AREAS,
    AreaSource,
    KnownAreas,
    ReadFile,
    known_areas,
)
from vatwatch.traffic.areas.mended_geometry import Mended
from vatwatch.traffic.areas.positions import ControlPosition, Positions
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.movements import MovementKind
from vatwatch.traffic.network_state import Flight, NetworkState
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.pipeline import Options, compare
from vatwatch.traffic.prefiles import is_flown
from vatwatch.traffic.surface import airport_at

OPTIONS = Options()
ALL = PageQuery()


@cache
def state() -> NetworkState:
    """Two hours of the simulated world."""
    known = NetworkState()
    for decoded in archive_of(seed=11, pilots=150, options=OPTIONS):
        known = compare(known, decoded, OPTIONS.rules).state
    return known


def area(area_id: str, west: float, south: float, east: float, north: float, kind: str) -> Area:
    box = shapely.box(west, south, east, north)
    return Area(area_id, f"Area {area_id}", kind, False, (), None, None, box)


AREAS = KnownAreas(
    Positions(
        {
            "CTR": [ControlPosition("EAST", "East", ("EAST",))],
            "APP": [ControlPosition("UNIT", "Unit", ("UNIT",))],
        }
    ),
    {
        "WEST": area("WEST", -30, 30, 5, 70, "fir"),
        "EAST": area("EAST", 5, 30, 40, 70, "fir"),
        "UNIT": area("UNIT", 8, 49, 9, 51, "tracon"),
    },
    (),
    "test",
    {"EGLL": "EAST"},  # the files say it, whatever the place says
)


def flights(known: NetworkState) -> list[Flight]:
    return [flight for flight in known.flights.values() if flight.shown]


def flies(flight: Flight) -> bool:
    return flight.progress.airborne or flight.progress.touch is not None


def stands(flight: Flight) -> str | None:
    if flies(flight):
        return None
    place = airport_at(flight.progress.fix, flight.pilot.flight_plan)
    return None if place == OFF_AIRPORT else place


def departs(flight: Flight, icao: str) -> bool:
    done, plan = flight.progress, flight.parsed_plan
    filed = None if plan is None else plan.departure_icao
    if flies(flight):
        if done.movements:
            return done.movements[-1].airport == icao
        return (done.found_departure or filed) == icao
    if stands(flight) != icao or done.movements:
        return False
    return filed == icao or (filed is None and done.phase is FlightPhase.TAXI_OUT)


def lands_at(flight: Flight) -> Any:
    return estimates(flight.progress, flight.parsed_plan, flight.gaps).eta


def is_inbound(flight: Flight, icao: str) -> bool:
    plan = flight.parsed_plan
    if plan is None or plan.arrival_icao != icao:
        return False
    return flies(flight) or (not flight.progress.movements and lands_at(flight) is not None)


def away(flight: Flight, icao: str) -> float:
    airport, fix = load_airports()[icao], flight.progress.fix
    return distance_nm(fix.latitude, fix.longitude, airport.latitude, airport.longitude)


def callsigns(listed: list[dict[str, Any]]) -> list[str]:
    return [each["callsign"] for each in listed]


def listed(boards: AirportBoards, query: PageQuery = ALL) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(boards.listed(query).plain)
    return found


def board(boards: AirportBoards, icao: str, block_min: int = 30) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(boards.one(icao, block_min).plain)
    return found


def test_the_flights_of_each_airport_are_those_of_a_naive_look() -> None:
    known = state()
    boards = AirportBoards(known, NO_AREAS)
    seen = dict.fromkeys(("departures", "arrivals", "on_ground"), 0)
    for icao in [airport.icao for airport in boards.busy]:
        found = board(boards, icao)
        wanted = {
            "departures": [f for f in flights(known) if departs(f, icao)],
            "arrivals": [f for f in flights(known) if is_inbound(f, icao)],
            "on_ground": [f for f in flights(known) if stands(f) == icao],
        }
        for name, naive in wanted.items():
            assert sorted(callsigns(found[name])) == sorted(f.pilot.callsign for f in naive)
            seen[name] += len(naive)
        different = {f.flight_id for naive in wanted.values() for f in naive}
        assert found["flights"] == len(different)
    assert all(number > 20 for number in seen.values()), seen


def test_departures_come_nearest_first_and_arrivals_by_eta_with_those_on_the_ground_last() -> None:
    known = state()
    boards = AirportBoards(known, NO_AREAS)
    mixed = 0
    for icao in boards.traffic:
        found = board(boards, icao)
        by = {flight.pilot.callsign: flight for flight in flights(known)}
        far = [away(by[callsign], icao) for callsign in callsigns(found["departures"])]
        assert far == sorted(far)
        order = [
            (not flies(by[each["callsign"]]), each["eta"] is None, each["eta"] or "")
            for each in found["arrivals"]
        ]
        assert order == sorted(order)
        mixed += len({each[0] for each in order}) > 1
    assert mixed, "an airport to which some fly and others have not departed"


def test_each_flight_is_on_the_ground_at_one_airport_at_most() -> None:
    boards = AirportBoards(state(), NO_AREAS)
    ids = [use.flight.flight_id for each in boards.traffic.values() for use in each.on_ground]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("block_min", [15, 30])
def test_blocks_later_ones_and_those_without_eta_make_up_what_is_inbound(block_min: int) -> None:
    known = state()
    assert known.time is not None
    boards = AirportBoards(known, NO_AREAS)
    for airport in listed(boards, PageQuery(block_min=block_min))["airports"]:
        inbound, icao = airport["inbound"], airport["icao"]
        naive = [f for f in flights(known) if is_inbound(f, icao)]
        blocks = inbound["blocks"]
        assert len(blocks) == 120 // block_min
        counted = sum(block["airborne"] + block["not_departed"] for block in blocks)
        assert counted + inbound["later"] + inbound["without_eta"] == inbound["total"]
        assert inbound["total"] == inbound["airborne"] + inbound["not_departed"] == len(naive)
        assert airport["arrivals"] == len(naive)
        for number, block in enumerate(blocks):
            start = known.time + timedelta(minutes=number * block_min)
            end = start + timedelta(minutes=block_min)
            there = [f for f in naive if (eta := lands_at(f)) is not None and start <= eta < end]
            assert block["airborne"] == sum(map(flies, there))
            assert block["not_departed"] == len(there) - block["airborne"]


def test_rates_and_trends_count_the_movements_of_their_time() -> None:
    known = state()
    assert known.time is not None

    def count(icao: str, kind: MovementKind, start: float, end: float) -> int:
        return sum(
            each.airport == icao
            and each.kind in (kind, MovementKind.TOUCH_AND_GO)
            and timedelta(minutes=start) <= known.time - each.time < timedelta(minutes=end)
            for each in known.recent_movements
            if known.time is not None
        )

    airports = listed(AirportBoards(known, NO_AREAS))["airports"]
    for airport in airports:
        kinds = (("take_offs", MovementKind.TAKE_OFF), ("landings", MovementKind.LANDING))
        for name, kind in kinds:
            icao = airport["icao"]
            half, hour = count(icao, kind, 0, 30), count(icao, kind, 0, 60)
            assert airport["rates"][name] == {"over_30_min": half * 2, "over_60_min": hour}
            assert airport["trend"][name] == {
                "over_5_min": count(icao, kind, 0, 5) - count(icao, kind, 60, 65),
                "over_30_min": (half - count(icao, kind, 30, 60)) * 2,
            }
    assert sum(each["rates"]["take_offs"]["over_60_min"] for each in airports) > 10
    assert sum(each["rates"]["landings"]["over_60_min"] for each in airports) > 10
    assert OFF_AIRPORT not in {each["icao"] for each in airports}


def test_the_order_of_the_records_does_not_matter() -> None:
    known, random = state(), Random(3)

    def shuffled(records: dict[Any, Any]) -> dict[Any, Any]:
        keys = list(records)
        random.shuffle(keys)
        return {key: records[key] for key in keys}

    mixed = replace(
        known,
        flights=shuffled(known.flights),
        sessions=shuffled(known.sessions),
        atis=shuffled(known.atis),
        prefiles=shuffled(known.prefiles),
    )
    one, other = AirportBoards(known, AREAS), AirportBoards(mixed, AREAS)
    assert one.listed(PageQuery()) == other.listed(PageQuery())
    whole = PageQuery(frozenset(one.traffic), whole=True)
    assert one.listed(whole) == other.listed(whole)
    assert FirBoards(one).one("EAST", 15) == FirBoards(other).one("EAST", 15)


def test_who_is_not_shown_is_on_no_board() -> None:
    known = state()
    hidden = {sign: replace(flight, shown=False) for sign, flight in known.flights.items()}
    boards = AirportBoards(replace(known, flights=hidden), AREAS)
    assert boards.traffic == {}
    assert b'"airborne":[]' in (FirBoards(boards).one("EAST", 30) or b"").plain


def test_prefiles_that_were_not_flown_are_counted_apart() -> None:
    known = state()
    airports = listed(AirportBoards(known, NO_AREAS))["airports"]
    plans = [
        filed
        for filed in known.prefiles.values()
        if not is_flown(filed, known)
        and (
            filed.callsign not in known.flights
            or known.flights[filed.callsign].pilot.cid != filed.cid
        )
    ]
    assert plans
    for name, icao_of in (
        ("departures", lambda filed: filed.parsed.departure_icao),
        ("arrivals", lambda filed: filed.parsed.arrival_icao),
    ):
        for airport in airports:
            there = sum(icao_of(filed) == airport["icao"] for filed in plans)
            assert airport["prefiles"][name] == there


def test_the_list_is_busiest_first_and_its_pages_are_the_whole() -> None:
    boards = AirportBoards(state(), NO_AREAS)
    whole = listed(boards)
    assert whole["count"] == whole["total"] == len(whole["airports"]) > 10
    assert whole["next_cursor"] is None
    order = [
        (
            -each["flights"],
            -sum(rate["over_60_min"] for rate in each["rates"].values()),
            each["icao"],
        )
        for each in whole["airports"]
    ]
    assert order == sorted(order)
    pages, after = [], None
    for _ in range(100):
        found = listed(boards, PageQuery(limit=7, after=after))
        assert found["total"] == whole["total"]
        assert found["count"] == len(found["airports"]) <= 7
        pages += found["airports"]
        if found["next_cursor"] is None:
            break
        after = read_rank(found["next_cursor"])
    assert pages == whole["airports"]


def test_airports_that_are_named_are_all_there_also_without_traffic() -> None:
    boards = AirportBoards(state(), NO_AREAS)
    busiest, quiet = boards.busy[0].icao, "FHAW"
    assert quiet not in {airport.icao for airport in boards.busy}
    found = listed(boards, PageQuery(frozenset([quiet, busiest])))
    assert [each["icao"] for each in found["airports"]] == [busiest, quiet]
    empty = found["airports"][1]
    assert (empty["flights"], empty["departures"], empty["arrivals"], empty["on_ground"]) == (
        0,
    ) * 4
    assert empty["rates"]["landings"] == {"over_30_min": 0, "over_60_min": 0}
    assert board(boards, quiet)["arrivals"] == []
    both = listed(boards, PageQuery(frozenset([quiet, busiest]), whole=True))["airports"]
    assert both[0] == {k: v for k, v in board(boards, busiest).items() if k != "updated_at"}


@pytest.mark.parametrize("text", ["", "x", "MQ==", "MXwyfA==", "LTF8MnxFRERG", "ü", "MXwyfEE" * 99])
def test_a_text_that_is_no_cursor_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no cursor"):
        read_rank(text)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("FRA", "EDDF"),
        ("JFK", "KJFK"),
        ("EDDFF", "EDDF"),
        ("EDD", None),
        ("EGLLL", "EGLL"),
        ("kjkf", "KJFK"),
        ("", None),
        ("€€", None),
    ],
)
def test_the_airport_that_was_meant_is_found(given: str, meant: str | None) -> None:
    assert similar_airport(given) == meant


# --- FIRs ----------------------------------------------------------------------------------------


def fir(boards: FirBoards, fir_id: str) -> dict[str, Any]:
    body = boards.one(fir_id, 30)
    assert body is not None
    found: dict[str, Any] = msgspec.json.decode(body.plain)
    return found


def test_a_fir_says_which_file_has_its_area_and_the_cycle_of_it() -> None:
    areas = known_areas(
        [
            ReadFile(AreaSource(name, "fir", cycle, 1, Mended()), cycle, areas=(of,))
            for name, cycle, of in (
                ("Boundaries.geojson", "2608", area("WEST", -30, 30, 5, 70, "fir")),
                ("more.geojson", "0123abcd", area("EAST", 5, 30, 40, 70, "fir")),
            )
        ]
    )
    firs = FirBoards(AirportBoards(state(), areas))
    wanted = {"WEST": ("Boundaries.geojson", "2608"), "EAST": ("more.geojson", "0123abcd")}
    short = msgspec.json.decode(firs.listed(ALL).plain)["firs"]
    assert {one["id"]: (one["source"], one["cycle"]) for one in short} == wanted
    for fir_id, (source, cycle) in wanted.items():
        found = fir(firs, fir_id)
        assert (found["source"], found["cycle"]) == (source, cycle)


def test_a_fir_has_who_flies_over_it_and_the_traffic_of_its_airports() -> None:
    known = state()
    airports = AirportBoards(known, AREAS)
    firs = FirBoards(airports)
    over = 0
    for fir_id in ("WEST", "EAST"):
        found, box = fir(firs, fir_id), AREAS.areas[fir_id].geometry
        naive = [
            f.pilot.callsign
            for f in flights(known)
            if flies(f)
            and shapely.intersects_xy(box, f.progress.fix.longitude, f.progress.fix.latitude)
        ]
        assert callsigns(found["airborne"]) == sorted(naive)
        over += len(naive)
        here = [each for each in listed(airports)["airports"] if each["fir"] == fir_id]
        assert {each["icao"] for each in found["airports"]} == {each["icao"] for each in here}
        for name in ("departures", "arrivals", "on_ground"):
            assert len(found[name]) == sum(each[name] for each in here)
        assert found["inbound"]["total"] == sum(each["inbound"]["total"] for each in here)
        for which in ("take_offs", "landings"):
            for span in ("over_30_min", "over_60_min"):
                assert found["rates"][which][span] == sum(e["rates"][which][span] for e in here)
        assert found["prefiles"]["arrivals"] == sum(e["prefiles"]["arrivals"] for e in here)
        in_air = ("climb", "cruise", "descent")
        etas = [e["eta"] for e in found["arrivals"] if e["eta"] and e["phase"] in in_air]
        assert etas == sorted(etas)
        assert etas
    assert over > 20


def test_the_files_say_in_which_fir_an_airport_is_and_else_its_place() -> None:
    boards = AirportBoards(state(), AREAS)
    assert board(boards, "EGLL")["fir"] == "EAST"
    assert board(boards, "EGKK")["fir"] == "WEST"
    assert board(boards, "EDDM")["fir"] == "EAST"
    assert board(boards, "KJFK")["fir"] is None


def test_all_stations_of_an_area_are_listed_and_approach_units_at_the_airports_below() -> None:
    known = state()
    (first, *_) = known.sessions.values()

    def station(callsign: str) -> Any:
        working = replace(first.controller, callsign=callsign, facility=5, frequency="124.200")
        return replace(first, controller=working, session_id=hash(callsign))

    names = ("EAST_CTR", "EAST_1_CTR", "UNIT_APP", "EDDF_TWR", "EDDF_OBS", "EDDF_CTR")
    boards = AirportBoards(replace(known, sessions={n: station(n) for n in names}), AREAS)
    assert callsigns(board(boards, "EDDF")["stations"]) == ["EDDF_TWR", "UNIT_APP"]
    assert callsigns(board(boards, "EDFE")["stations"]) == ["UNIT_APP"]
    assert board(boards, "EDDM")["stations"] == []
    assert callsigns(fir(FirBoards(boards), "EAST")["stations"]) == ["EAST_1_CTR", "EAST_CTR"]
    assert fir(FirBoards(boards), "WEST")["stations"] == []


def test_without_files_there_is_no_fir_and_the_list_says_how_to_get_one() -> None:
    firs = FirBoards(AirportBoards(state(), NO_AREAS))
    found = msgspec.json.decode(firs.listed(PageQuery()).plain)
    assert (found["firs"], found["total"], found["note"]) == ([], 0, NO_FIRS)
    assert firs.one("EAST", 30) is None
    assert firs.ids == ()
