"""Airports."""

from __future__ import annotations

import pytest

from vatwatch.traffic.airports import airport_of, load_airports


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
