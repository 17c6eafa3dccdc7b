"""Where stations are, and what state they are in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.traffic.build import controller, radio
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import Radio
from vatwatch.traffic.station_place import BELIEVED_WITHIN_NM, station_place, station_state

GATWICK = load_airports()["EGKK"]
DUXFORD = load_airports()["EGSU"]
PARIS = load_airports()["LFPG"]


def aerial(latitude: float, longitude: float) -> Radio:
    return replace(radio(latitude=latitude), longitude=longitude)


OVER_PARIS = [aerial(PARIS.latitude, PARIS.longitude)]
AT_GATWICK = [aerial(GATWICK.latitude, GATWICK.longitude)]
# Sixty nautical miles a degree.
JUST_WITHIN = [aerial(GATWICK.latitude + 99.5 / 60, GATWICK.longitude)]
JUST_BEYOND = [aerial(GATWICK.latitude + 100.5 / 60, GATWICK.longitude)]


@pytest.mark.parametrize(
    ("what", "callsign", "radios", "placed_by"),
    [
        ("at the field", "EGKK_TWR", AT_GATWICK, "radios"),
        ("just within", "EGKK_TWR", JUST_WITHIN, "radios"),
        ("just beyond", "EGKK_TWR", JUST_BEYOND, "airport"),
        ("Duxford over Paris (VectorAudio#29)", "EGSU_TWR", OVER_PARIS, "airport"),
        ("an infix without radios (VectorAudio#81)", "EGKK_T_GND", [], "airport"),
        ("a mentor (LNM#490)", "EGKK_M_TWR", [], "airport"),
        ("an examiner (VR#250)", "EGKK_X_APP", [], "airport"),
        ("a relief whose letter is a digit (QS#152)", "EGKK_1_TWR", [], "airport"),
        ("departures beside approach (VR#216)", "EGKK_DEP", [], "airport"),
        ("an infix (SA#31)", "EGKK_R_APP", AT_GATWICK, "radios"),
        ("an area with an airport", "EGKK_CTR", OVER_PARIS, "airport"),
        ("an area far from its name", "SEA_16_CTR", AT_GATWICK, "radios"),
        ("an area whose code is also a small field's", "VIDF_2_CTR", AT_GATWICK, "radios"),
        ("an area by its radios", "MAN_CTR", AT_GATWICK, "radios"),
        ("an area of another continent", "MAN_CTR", [], None),
        ("an area named after an airport", "BOS_CTR", [], "airport"),
        ("no airport in the callsign", "LON_SC_CTR", OVER_PARIS, "radios"),
        ("neither", "LON_SC_CTR", [], None),
        ("short callsigns of North America", "JFK_TWR", [], "airport"),
        ("an observer", "AB_OBS", [], None),
    ],
)
def test_a_station_is_where_its_radios_are_if_they_can_be_believed(
    what: str, callsign: str, radios: list[Radio], placed_by: str | None
) -> None:
    place = station_place(callsign, radios)
    assert (None if place is None else place.placed_by) == placed_by, what


def test_the_centre_of_radios_on_both_sides_of_the_date_line_is_on_it() -> None:
    place = station_place("NZZO_FSS", [aerial(-40, 179), aerial(-40, -179)])
    assert place is not None
    assert abs(abs(place.longitude) - 180) < 1e-6


def test_radios_all_around_the_globe_have_no_centre() -> None:
    assert station_place("XX_FSS", [aerial(0, 0), aerial(0, 180)]) is None


points = st.tuples(st.floats(-85, 85), st.floats(-180, 180))


@given(st.lists(points, max_size=5), st.sampled_from(["EGKK_TWR", "XX_TWR", "EGSU_APP"]))
def test_a_place_is_near_the_airport_of_the_callsign(
    at: list[tuple[float, float]], callsign: str
) -> None:
    place = station_place(callsign, [aerial(*point) for point in at])
    airport = load_airports().get(callsign[:4])
    if airport is None:
        assert place is None or place.placed_by == "radios"
        return
    assert place is not None
    far = distance_nm(place.latitude, place.longitude, airport.latitude, airport.longitude)
    assert far <= BELIEVED_WITHIN_NM + 0.01


@pytest.mark.parametrize(
    ("callsign", "facility", "frequency", "state"),
    [
        ("EXXX_TWR", 4, "118.500", "controlling"),
        ("EXXX_TWR", 4, "199.998", "connected"),  # VSP#643: no observer
        ("EXXX_TWR", 4, "", "connected"),
        ("EXXX_TWR", 4, "nonsense", "connected"),
        ("EXXX_TWR", None, "118.500", "controlling"),
        ("EXXX_TWR", 0, "118.500", "observer"),
        ("EXXX_OBS", 0, "199.998", "observer"),
        ("EXXX_OBS", 4, "199.998", "observer"),
        ("XX_SUP", 1, "199.998", "observer"),
        ("ESSAS", 4, "118.500", "observer"),  # CC#910: a pilot's callsign
        ("BAW123", 0, "199.998", "observer"),
        ("EXXX_T_DEL", 2, "121.900", "controlling"),
        ("XX_FSS", 1, "131.350", "controlling"),
        ("LON_M_CTR", 6, "120.025", "controlling"),
        ("lon_ctr", 6, "120.025", "controlling"),
    ],
)
def test_who_controls_has_a_facility_a_known_suffix_and_a_frequency(
    callsign: str, facility: int | None, frequency: str, state: str
) -> None:
    one = replace(controller(callsign=callsign, frequency=frequency), facility=facility)
    assert station_state(one) == state
