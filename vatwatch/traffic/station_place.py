"""Where a controller's station is, and what state it is in.

*Place.* The feed has no coordinates of controllers. A station is at the centre of its radios. With
an airport in its callsign the radios are believed within 100 nm of it, else the station is at the
airport. The short callsign of an area (CTR, FSS) names no airport for certain: `SEA_16_CTR` is far
from Seattle, and `MAN_CTR` is Manchester's, while KMAN is in Idaho. Nor does a code that is a small
field's as well as a region's: `VIDF_CTR` is Delhi's. Its radios are believed wherever they are, and
without them it is at the airport only if that has this IATA code.

*State.* Who controls has a facility that is not the observers', a callsign that ends like a
station's, and a frequency; without the frequency it is connected, and else it observes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from vatwatch.feed.frequency import frequency_hz
from vatwatch.feed.records import Controller
from vatwatch.traffic.airports import airport_of, load_airports
from vatwatch.traffic.atis_words import word_set
from vatwatch.traffic.geometry import centre_of, distance_nm
from vatwatch.traffic.network_state import Radio, StationPlace
from vatwatch.traffic.thresholds import threshold

BELIEVED_WITHIN_NM = threshold(
    100,
    "nm",
    "Radios farther from the airport in the callsign are a mistake of their owner: Duxford's were "
    "seen over Paris, and no aerial of an airport stands that far off.",
    "VectorAudio, issues 29 and 81",
)
AREA_SUFFIXES = word_set("CTR FSS")
# Facilities of VATSIM (DEL GND TWR APP DEP CTR FSS), and what divisions use beside them.
SUFFIXES = word_set("DEL GND TWR APP DEP CTR FSS RMP RDO TMU FMP")


def station_state(controller: Controller) -> str:
    """`observer`, `connected` (no frequency yet) or `controlling`.

    A pilot called ESSAS is no station. An unknown facility says nothing, and the callsign decides.
    """
    return _state(controller.callsign, controller.facility, controller.frequency)


def station_place(callsign: str, radios: Iterable[Radio]) -> StationPlace | None:
    """Where a station is: the centre of its radios, if that can be believed, else its airport.

    None if there is neither.
    """
    return _place(callsign, tuple((radio.latitude, radio.longitude) for radio in radios))


# A thousand stations are as many as are ever online, and each is asked for several times in each
# snapshot.
@lru_cache(maxsize=4096)
def _state(callsign: str, facility: int | None, frequency: str) -> str:
    if facility == 0 or _suffix(callsign) not in SUFFIXES:
        return "observer"
    return "connected" if frequency_hz(frequency) is None else "controlling"


# Aerials stand still, too.
@lru_cache(maxsize=4096)
def _place(callsign: str, aerials: tuple[tuple[float, float], ...]) -> StationPlace | None:
    airport = airport_of(callsign, load_airports())
    # Delhi's region and an airstrip in the Himalayas are both VIDF; no centre is called after a
    # field that no airline serves.
    is_its_code = airport is not None and callsign.startswith(airport.icao) and airport.iata != ""
    is_certain = is_its_code or _suffix(callsign) not in AREA_SUFFIXES
    centre = centre_of(aerials)
    if centre is not None and (
        airport is None
        or not is_certain
        or distance_nm(*centre, airport.latitude, airport.longitude) <= BELIEVED_WITHIN_NM
    ):
        return StationPlace(*centre, "radios")
    if airport is None or (not is_certain and callsign[:3] != airport.iata):
        return None
    return StationPlace(airport.latitude, airport.longitude, "airport")


def _suffix(callsign: str) -> str:
    return callsign.rsplit("_", 1)[1].upper() if "_" in callsign else ""
