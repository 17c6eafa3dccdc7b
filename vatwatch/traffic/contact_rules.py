"""Contacts: which aircraft is tuned to which station.

A pilot's radio and a station's are in contact if they are on one channel (`radio_channels`), the
station's facility is heard so far, and both see each other over the curve of the earth
(`radio_horizon`).

- *Stations* are controllers with a facility and a callsign of a station (`station_place`). One that
  shows no frequency yet is a station if its radios are on the channel, as the feed's frequency is
  an update or two late after a logon. ATIS stations and observers are none.
- The facility counts as it is sent. Where it is missing or unknown the end of the callsign tells: a
  ramp (RMP) is heard as far as ground, a radio (RDO) as far as tower, and flow managers nowhere.
- All radios of a station count, those of other sectors that it has coupled too. Of several stations
  on the channel the nearest one has the contact; of those that are equally near, as on one mast, it
  is the one that shows the channel as its own frequency, then the one with the lower id.
- Where the radios are too far from the airport in the callsign to be believed, the station stands
  at its airport, on a mast as high as its radios say, and the contact says so.
- A station's radio that has moved less than some hundred metres since it was tuned has not moved.
- An aircraft is where its track has it, and as high as that says; where its radio claims to be is
  no matter. Whoever stands has the place where it came to stand.
- Some channels are everybody's: those that the setting names, UNICOM and guard, make no contact.

A pilot has one contact on a channel, whatever the number of the radios on it, and several if the
radios are on several channels.

A contact lasts while each snapshot shows it: it ends with the last one that does, so it never
outlives the flight or the session. While the radios' feed is unavailable everybody stays tuned.
Its closest distance is to a tenth of a mile. Flights that the filters keep out have none, and
neither have radios that they keep out.
"""

from __future__ import annotations

from msgspec import Struct

from vatwatch.feed.records import Controller
from vatwatch.traffic.thresholds import threshold

FIELD_NM = threshold(
    15,
    "nm",
    "Delivery, ground and tower talk to who is at the airport or on its final.",
)
APPROACH_NM = threshold(
    60,
    "nm",
    "Approach and departure hand over at the edge of their area, which is seldom farther out.",
)
CENTRE_NM = threshold(
    400,
    "nm",
    "Beyond the horizon of the highest aircraft, from an aerial on a mountain too.",
)
FLIGHT_SERVICE_NM = threshold(
    1_000,
    "nm",
    "Stations of the oceans and deserts; their aerials stand on the coast.",
)
UNICOM_HZ = threshold(
    122_800_000,
    "Hz",
    "UNICOM: everybody without a controller is on it.",
)
GUARD_HZ = threshold(
    121_500_000,
    "Hz",
    "Guard: the emergency frequency, on which many listen with a second radio.",
    "ICAO Annex 10, volume V, 4.1.3.1.",
)

# The feed's numbers of facilities, and what other ends of callsigns are like.
FACILITIES = {1: "FSS", 2: "DEL", 3: "GND", 4: "TWR", 5: "APP", 6: "CTR"}
LIKE = {"DEP": "APP", "RMP": "GND", "RDO": "TWR"}


class ContactRules(Struct, frozen=True):
    """What the operator may set: how far each facility is heard in nm, and channels left out."""

    delivery_nm: float = FIELD_NM
    ground_nm: float = FIELD_NM
    tower_nm: float = FIELD_NM
    approach_nm: float = APPROACH_NM
    centre_nm: float = CENTRE_NM
    flight_service_nm: float = FLIGHT_SERVICE_NM
    excluded_hz: frozenset[int] = frozenset({UNICOM_HZ, GUARD_HZ})
    """In any spelling; it is the channel that is left out."""

    def reach_nm(self, controller: Controller) -> float | None:
        """How far a controller is heard; None: nobody talks to a facility like this."""
        suffix = controller.callsign.rsplit("_", 1)[-1].upper()
        facility = FACILITIES.get(controller.facility or 0) or LIKE.get(suffix, suffix)
        return {
            "DEL": self.delivery_nm,
            "GND": self.ground_nm,
            "TWR": self.tower_nm,
            "APP": self.approach_nm,
            "CTR": self.centre_nm,
            "FSS": self.flight_service_nm,
        }.get(facility)
