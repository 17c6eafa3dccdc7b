"""Filters: what they let through and keep out, counted."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from msgspec.structs import replace

from tests.traffic.build import START, atis, controller, pilot, plan, text
from vatwatch.feed.records import ClientRadios, Feed, General, Prefile, Transceiver
from vatwatch.traffic.airports import Airport
from vatwatch.traffic.boundary import Boundary
from vatwatch.traffic.filters import FilterCounts, Filtered, Filters

# Latitudes 0 to 10, longitudes 0 to 10.
SQUARE = Boundary.from_geojson(
    json.dumps(
        {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
    ).encode(),
    "square",
)


def airport(icao: str, latitude: float) -> Airport:
    return Airport(icao, "", "", "", "", latitude, 5.0, 0, "UTC")


AIRPORTS = {"EINN": airport("EINN", 5.0), "EOUT": airport("EOUT", 50.0)}


def tuned(callsign: str, *latitudes: float) -> ClientRadios:
    return ClientRadios(
        callsign, [Transceiver(n, 118_500_000, lat, 5.0) for n, lat in enumerate(latitudes)]
    )


def filed(callsign: str, departure: str, arrival: str) -> Prefile:
    a_plan = plan(departure=departure)
    return Prefile(
        300, callsign, a_plan.__class__(departure=departure, arrival=arrival), text(START), ""
    )


def run(filters: Filters, radios: Sequence[ClientRadios] = (), **records: list[object]) -> Filtered:
    feed = Feed(General(text(START)), **records)  # type: ignore[arg-type]
    return filters.apply(feed, list(radios), AIRPORTS)


def kept(filtered: Filtered, kind: str) -> list[str]:
    return [record.callsign for record in getattr(filtered.feed, kind)]


def test_without_filters_nothing_is_looked_at() -> None:
    filtered = run(Filters(), [tuned("ABC1", 1)], pilots=[pilot()])
    assert filtered.counts == FilterCounts()
    assert kept(filtered, "pilots") == ["ABC1"]
    assert len(filtered.radios) == 1


def test_a_boundary_keeps_the_pilots_inside_and_counts_both() -> None:
    filtered = run(
        Filters(boundary=SQUARE),
        pilots=[pilot(callsign="IN", latitude=5.0), pilot(callsign="OUT", latitude=50.0)],
    )
    assert kept(filtered, "pilots") == ["IN"]
    assert filtered.counts.let_through["boundary"]["pilots"] == 1
    assert filtered.counts.kept_out["boundary"] == {
        "pilots": 1,
        "controllers": 0,
        "atis": 0,
        "prefiles": 0,
    }


def test_a_station_is_where_its_aerials_are_else_where_its_airport_is_else_it_stays() -> None:
    filtered = run(
        Filters(boundary=SQUARE),
        [tuned("EOUT_TWR", 4.0, 6.0), tuned("EINN_TWR", 50.0), tuned("EINN_GND")],
        controllers=[
            controller(callsign=c)
            for c in ("EOUT_TWR", "EINN_TWR", "EINN_GND", "EOUT_T_GND", "XX_CTR", "AN_OBS")
        ],
        atis=[atis(callsign=c) for c in ("EINN_ATIS", "EOUT_A_ATIS")],
    )
    assert kept(filtered, "controllers") == ["EOUT_TWR", "EINN_GND", "XX_CTR", "AN_OBS"]
    assert kept(filtered, "atis") == ["EINN_ATIS"]


def test_aerials_on_both_sides_of_the_date_line_are_neighbours() -> None:
    fiji = Boundary.from_geojson(
        json.dumps(
            {"type": "Polygon", "coordinates": [[[176, -20], [180, -20], [180, -15], [176, -15]]]}
        ).encode(),
        "fiji",
    )
    aerials = [
        Transceiver(n, 118_500_000, -17.5, longitude)
        for n, longitude in enumerate((177.0, 179.0, -179.5))
    ]
    stations = [controller(callsign="NFFF_CTR"), controller(callsign="EINN_TWR")]
    filtered = run(
        Filters(boundary=fiji), [ClientRadios("NFFF_CTR", aerials)], controllers=stations
    )
    assert kept(filtered, "controllers") == ["NFFF_CTR"]


def test_a_short_callsign_is_kept_out_only_if_it_is_the_airports_iata_code() -> None:
    """KMAN is in Idaho, and Manchester's sector is called MAN_CTR."""
    airports = {"KMAN": airport("KMAN", 50.0), "CYYZ": replace(airport("CYYZ", 50.0), iata="YYZ")}
    feed = Feed(
        General(text(START)),
        controllers=[controller(callsign=c) for c in ("MAN_CTR", "MAN_TWR", "YYZ_TWR", "KMAN_TWR")],
    )
    filtered = Filters(boundary=SQUARE).apply(feed, [], airports)
    assert kept(filtered, "controllers") == ["MAN_CTR", "MAN_TWR"]


def test_a_prefile_stays_if_either_end_is_inside_or_neither_is_known() -> None:
    filtered = run(
        Filters(boundary=SQUARE),
        prefiles=[
            filed("FROM", "EINN", "EOUT"),
            filed("TO", "EOUT", "EINN"),
            filed("OUT", "EOUT", "EOUT"),
            filed("HALF", "EOUT", "ZZZZ"),
            filed("NOWHERE", "U70", ""),
        ],
    )
    assert kept(filtered, "prefiles") == ["FROM", "TO", "NOWHERE"]


def test_a_callsign_filter_looks_anywhere_in_it_and_at_every_kind() -> None:
    filtered = run(
        Filters(callsign=re.compile("^ABC|_TWR$")),
        pilots=[pilot(callsign="ABC1"), pilot(callsign="XABC")],
        controllers=[controller(callsign="EINN_TWR"), controller(callsign="EINN_GND")],
        atis=[atis()],
        prefiles=[filed("ABC2", "", ""), filed("PRE", "", "")],
    )
    assert kept(filtered, "pilots") == ["ABC1"]
    assert kept(filtered, "controllers") == ["EINN_TWR"]
    assert kept(filtered, "prefiles") == ["ABC2"]
    assert filtered.counts.kept_out == {
        "callsign": {"pilots": 1, "controllers": 1, "atis": 1, "prefiles": 1}
    }


def test_a_rating_filter_is_for_controllers_and_atis_only() -> None:
    records = {"pilots": [pilot()], "controllers": [controller()], "atis": [atis()]}
    assert kept(run(Filters(min_rating=3), **records), "controllers") == ["EXXX_TWR"]
    filtered = run(Filters(min_rating=4), **records)
    assert kept(filtered, "controllers") == kept(filtered, "atis") == []
    assert kept(filtered, "pilots") == ["ABC1"]
    assert filtered.counts.kept_out == {"rating": {"controllers": 1, "atis": 1}}


def test_each_filter_counts_what_the_ones_before_it_left() -> None:
    filtered = run(
        Filters(boundary=SQUARE, callsign=re.compile("A")),
        pilots=[
            pilot(callsign="A1", latitude=5),
            pilot(callsign="B1", latitude=5),
            pilot(callsign="A2", latitude=50),
        ],
    )
    assert kept(filtered, "pilots") == ["A1"]
    for name, through, out in (("boundary", 2, 1), ("callsign", 1, 1)):
        assert filtered.counts.let_through[name]["pilots"] == through
        assert filtered.counts.kept_out[name]["pilots"] == out


def test_radios_go_with_their_clients_and_those_of_nobody_stay() -> None:
    filtered = run(
        Filters(callsign=re.compile("IN")),
        [tuned("IN", 1), tuned("OUT", 1), tuned("UNKNOWN", 1)],
        pilots=[pilot(callsign="IN"), pilot(callsign="OUT")],
    )
    assert [client.callsign for client in filtered.radios] == ["IN", "UNKNOWN"]
