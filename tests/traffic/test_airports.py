"""Airports."""

from __future__ import annotations

import pytest

from vatwatch.traffic.airports import IN_MINUTES, MOVED, airport_of, load_airports


@pytest.mark.parametrize(
    ("callsign", "icao"),
    [
        ("EGKK_TWR", "EGKK"),
        ("EGKK_T_GND", "EGKK"),
        ("EDDF_ATIS", "EDDF"),
        ("JFK_TWR", "KJFK"),
        ("YYZ_TWR", "CYYZ"),
        ("EGKK", "EGKK"),
        ("LON_S_CTR", None),
        ("XX_OBS", None),
        ("", None),
        ("_TWR", None),
    ],
)
def test_the_airport_in_a_callsign(callsign: str, icao: str | None) -> None:
    found = airport_of(callsign, load_airports())
    assert (None if found is None else found.icao) == icao


def test_every_airport_is_somewhere() -> None:
    airports = load_airports()
    assert len(airports) > 25_000
    for icao, airport in airports.items():
        assert airport.icao == icao
        assert -90 <= airport.latitude <= 90
        assert -180 <= airport.longitude <= 180
    assert airports["EGLL"].latitude == pytest.approx(51.47, abs=0.01)


@pytest.mark.parametrize(
    ("icao", "latitude", "longitude"),
    [
        ("EBBR", 50.9014, 4.4844),
        ("EBOS", 51.1989, 2.8622),
        ("ELLX", 49.6233, 6.2044),
        ("EBSP", 50.4825, 5.9103),  # is right as it is
        ("ZPPP", 25.1019, 102.9292),
    ],
)
def test_airports_are_where_their_aircraft_stand(
    icao: str, latitude: float, longitude: float
) -> None:
    """Though the package has some of them elsewhere."""
    airport = load_airports()[icao]
    assert airport.latitude == pytest.approx(latitude, abs=0.002)
    assert airport.longitude == pytest.approx(longitude, abs=0.002)


def test_corrections_are_of_airports_that_the_package_has() -> None:
    assert load_airports().keys() >= IN_MINUTES | MOVED.keys()
