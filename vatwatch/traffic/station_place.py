"""Where a controller's station is, and what state it is in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import atan2, cos, degrees, hypot, radians, sin

from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import Controller
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.atis_words import word_set
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import Radio, StationPlace
from vatwatch.traffic.thresholds import threshold

BELIEVED_WITHIN_NM = threshold(
    100,
    "nm",
    "Radios farther from the airport in the callsign are a mistake of their owner: Duxford's were "
    "seen over Paris, and no aerial of an airport stands that far off.",
    "VectorAudio, issues 29 and 81",
)
# Facilities of VATSIM (DEL GND TWR APP DEP CTR FSS), and what divisions use beside them.
SUFFIXES = word_set("DEL GND TWR APP DEP CTR FSS RMP RDO TMU FMP")


def station_state(controller: Controller) -> str:
    """`observer`, `connected` (no frequency yet) or `controlling`.

    Who controls has both, a facility that is not the observers' and a callsign that ends like a
    station's: a pilot called ESSAS is none. An unknown facility says nothing, and the callsign
    decides.
    """
    is_station = "_" in controller.callsign and (
        controller.callsign.rsplit("_", 1)[1].upper() in SUFFIXES
    )
    if controller.facility == 0 or not is_station:
        return "observer"
    return "connected" if frequency_hz(controller.frequency) is None else "controlling"


def station_place(callsign: str, radios: Iterable[Radio]) -> StationPlace | None:
    """Where a station is: the centre of its radios, if that can be believed, else its airport.

    Radios of a station without an airport in its callsign are believed. None if there is neither.
    """
    return _place(callsign, tuple((radio.latitude, radio.longitude) for radio in radios))


# Aerials stand still: a thousand stations are as many as are ever online.
@lru_cache(maxsize=4096)
def _place(callsign: str, aerials: tuple[tuple[float, float], ...]) -> StationPlace | None:
    airport = airport_of(callsign, load_airports())
    centre = _centre(aerials)
    if centre is not None and (
        airport is None
        or distance_nm(*centre, airport.latitude, airport.longitude) <= BELIEVED_WITHIN_NM
    ):
        return StationPlace(*centre, "radios")
    return None if airport is None else StationPlace(airport.latitude, airport.longitude, "airport")


def _centre(points: tuple[tuple[float, float], ...]) -> tuple[float, float] | None:
    """The centre on the sphere, so that points on both sides of the date line are neighbours.

    None without points, and of points that lie all around the globe.
    """
    if not points:
        return None
    if len(set(points)) == 1:
        return points[0]
    x = sum(cos(radians(lat)) * cos(radians(lon)) for lat, lon in points) / len(points)
    y = sum(cos(radians(lat)) * sin(radians(lon)) for lat, lon in points) / len(points)
    z = sum(sin(radians(lat)) for lat, _ in points) / len(points)
    if hypot(x, y, z) < 1e-6:
        return None
    return round(degrees(atan2(z, hypot(x, y))), 6), round(degrees(atan2(y, x)), 6)
