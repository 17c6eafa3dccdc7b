"""Five snapshots around Frankfurt: pilots and stations with one case of each rule of contacts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tests.feed import invented
from tests.feed_server import START, FeedServer
from vatsim_simulator.publication import Publication, publish
from vatwatch.feed.records import Atis, ClientRadios, Controller, Pilot

Place: TypeAlias = tuple[float, float]

SNAPSHOTS = 5
LOGON = "2024-11-22T11:00:00Z"
TOWER_HZ, APPROACH_HZ, GROUND_HZ = 119_900_000, 118_025_000, 121_800_000
CENTRE_HZ, COUPLED_HZ, MUNICH_HZ, SHARED_HZ = 124_475_000, 136_950_000, 120_775_000, 125_600_000
OBSERVERS_HZ, UNICOM_HZ, GUARD_HZ = 119_500_000, 122_800_000, 121_500_000
FRANKFURT: Place = (50.0264, 8.54313)
MUNICH: Place = (48.3538, 11.7861)
COLOGNE: Place = (50.8659, 7.14274)
HILL: Place = (50.5, 8.0)
OTHER_HILL: Place = (51.2, 9.5)
FIELD_FT = 364
MAST_M = 141.0
# What it does in a snapshot's time at 250 kt.
STEP_NM = 250 / 240


@dataclass
class Client:
    """A pilot or a controller, who is online up to a snapshot, without that one."""

    record: dict[str, Any]
    radios: list[tuple[int, Place]]
    height_m: float
    then_hz: tuple[int, int] | None = None
    """From this snapshot on it has only this frequency."""
    north_nm: float = 0.0
    """How far it moves from each snapshot to the next."""
    until: int = SNAPSHOTS

    def at(self, number: int) -> dict[str, Any]:
        """Its record in a snapshot."""
        if not self.north_nm:
            return self.record
        start = (self.record["latitude"], self.record["longitude"])
        return {**self.record, "latitude": north_of(start, number * self.north_nm)[0]}

    def radios_at(self, number: int) -> dict[str, Any]:
        """Its radios in a snapshot."""
        radios = self.radios
        if self.then_hz is not None and number >= self.then_hz[0]:
            radios = [(self.then_hz[1], radios[0][1])]
        transceivers = [
            {
                "id": index,
                "frequency": hertz,
                "latDeg": latitude,
                "lonDeg": longitude,
                "heightMslM": self.height_m,
                "heightAglM": 3.0,
            }
            for index, (hertz, (latitude, longitude)) in enumerate(radios)
        ]
        return {"callsign": self.record["callsign"], "transceivers": transceivers}


def north_of(place: Place, north_nm: float) -> Place:
    """A minute of latitude is a mile."""
    return (place[0] + north_nm / 60, place[1])


def flies(
    cid: int,
    callsign: str,
    place: Place,
    altitude: int,
    *hertz: int,
    plan: tuple[str, str] = ("", ""),
    **other: Any,
) -> Client:
    """A pilot; in the air unless it is at field height."""
    record = invented.pilot(
        cid,
        callsign=callsign,
        latitude=place[0],
        longitude=place[1],
        altitude=altitude,
        groundspeed=0 if altitude == FIELD_FT else 250,
        flight_plan={**invented.PLAN, "departure": plan[0], "arrival": plan[1]},
        logon_time=LOGON,
    )
    return Client(record, [(one, place) for one in hertz], altitude * 0.3048, **other)


def works(
    cid: int,
    callsign: str,
    facility: int,
    frequency: str,
    *radios: tuple[int, Place],
    height_m: float = MAST_M,
    **other: Any,
) -> Client:
    """A controller."""
    record = invented.controller(
        cid, callsign, facility=facility, frequency=frequency, logon_time=LOGON
    )
    return Client(record, list(radios), height_m, **other)


PILOTS = [
    flies(1, "NEAR", FRANKFURT, FIELD_FT, TOWER_HZ, plan=("EDDF", "EDDM")),
    flies(2, "TOO_FAR", north_of(FRANKFURT, 20), 5_000, TOWER_HZ, plan=("EDDM", "EDDF")),
    flies(3, "COMING", north_of(FRANKFURT, 17), 4_000, TOWER_HZ, north_nm=-STEP_NM),
    flies(4, "HIGH", north_of(HILL, -200), 35_000, CENTRE_HZ),
    flies(5, "TOO_LOW", north_of(HILL, -200), 3_000, CENTRE_HZ),
    flies(6, "SPELLED", north_of(FRANKFURT, 10), 4_000, APPROACH_HZ + 5_000),
    flies(7, "CROSSED", north_of(OTHER_HILL, 5), 20_000, COUPLED_HZ),
    flies(8, "BAVARIAN", north_of(MUNICH, 12), 6_000, MUNICH_HZ),
    flies(9, "MISLED", north_of(FRANKFURT, 3), 6_000, MUNICH_HZ),
    flies(10, "EVERYBODY", FRANKFURT, FIELD_FT, UNICOM_HZ, GUARD_HZ),
    flies(11, "BETWEEN", north_of(FRANKFURT, 30), 12_000, SHARED_HZ),
    flies(
        12, "HANDED", north_of(FRANKFURT, 5), 3_000, TOWER_HZ,
        then_hz=(2, APPROACH_HZ), north_nm=STEP_NM,
    ),
    flies(13, "LEFT_ALONE", FRANKFURT, FIELD_FT, GROUND_HZ),
    flies(14, "GOING", FRANKFURT, FIELD_FT, TOWER_HZ, until=2),
    flies(15, "LISTENER", FRANKFURT, FIELD_FT, OBSERVERS_HZ),
    flies(16, "LATER", FRANKFURT, FIELD_FT, UNICOM_HZ, then_hz=(3, TOWER_HZ)),
]  # fmt: skip
STATIONS = [
    works(101, "EDDF_TWR", 4, "119.900", (TOWER_HZ, FRANKFURT)),
    works(102, "EDDF_N_APP", 5, "118.025", (APPROACH_HZ, FRANKFURT)),
    works(
        103, "EDDF_GND", 3, "121.800",
        (GROUND_HZ, FRANKFURT), (UNICOM_HZ, FRANKFURT), (GUARD_HZ, FRANKFURT),
        until=3,
    ),
    works(
        104, "EDGG_P_CTR", 6, "124.475", (CENTRE_HZ, HILL), (COUPLED_HZ, OTHER_HILL),
        height_m=100.0,
    ),
    works(105, "EDDM_APP", 5, "120.775", (MUNICH_HZ, FRANKFURT)),
    works(106, "EDDF_A_APP", 5, "125.600", (SHARED_HZ, FRANKFURT)),
    works(107, "EDDK_APP", 5, "125.600", (SHARED_HZ, COLOGNE)),
    works(108, "EDDF_OBS", 0, "199.998", (OBSERVERS_HZ, FRANKFURT)),
]  # fmt: skip


@dataclass(frozen=True)
class Talk:
    """A contact: the numbers of the first and the last snapshot that show it; None: it lasts."""

    callsign: str
    station: str
    frequency_hz: int
    start: int
    end: int | None
    closest_nm: float
    placed_by: str = "radios"

    def shown_at(self, number: int) -> bool:
        """Whether a snapshot shows it."""
        return self.start <= number and (self.end is None or number <= self.end)


TALKS = {
    Talk("NEAR", "EDDF_TWR", TOWER_HZ, 0, None, 0.0),
    Talk("COMING", "EDDF_TWR", TOWER_HZ, 2, None, 12.8),
    Talk("HIGH", "EDGG_P_CTR", CENTRE_HZ, 0, None, 200.1),
    Talk("SPELLED", "EDDF_N_APP", APPROACH_HZ, 0, None, 10.0),
    Talk("CROSSED", "EDGG_P_CTR", COUPLED_HZ, 0, None, 5.0),
    Talk("BAVARIAN", "EDDM_APP", MUNICH_HZ, 0, None, 12.0, "airport"),
    Talk("BETWEEN", "EDDF_A_APP", SHARED_HZ, 0, None, 30.0),
    Talk("HANDED", "EDDF_TWR", TOWER_HZ, 0, 1, 5.0),
    Talk("HANDED", "EDDF_N_APP", APPROACH_HZ, 2, None, 7.1),
    Talk("LEFT_ALONE", "EDDF_GND", GROUND_HZ, 0, 2, 0.0),
    Talk("GOING", "EDDF_TWR", TOWER_HZ, 0, 1, 0.0),
    Talk("LATER", "EDDF_TWR", TOWER_HZ, 3, None, 0.0),
}


def time_of(number: int) -> str:
    """As the API writes it."""
    return (START + timedelta(seconds=15 * number)).isoformat().replace("+00:00", "Z")


def clients(number: int) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Who is online in a snapshot: the lists of the main feed, and the radios."""
    pilots, stations = _online(PILOTS, number), _online(STATIONS, number)
    lists = {
        "pilots": [one.at(number) for one in pilots],
        "controllers": [one.at(number) for one in stations],
        "atis": [{**invented.atis(109), "callsign": "EDDF_ATIS"}],
    }
    return lists, [one.radios_at(number) for one in (*pilots, *stations)]


def feeds(number: int) -> tuple[bytes, bytes]:
    """Both feeds of a snapshot."""
    lists, radios = clients(number)
    data = {**invented.feed(time_of(number)), "prefiles": [], **lists}
    return json.dumps(data).encode(), json.dumps(radios).encode()


class FrankfurtToo(FeedServer):
    """A small VATSIM with these clients among others; who they are after the last of their
    snapshots stays."""

    def _publish(self) -> Publication:
        lists, radios = clients(min(self.number, SNAPSHOTS - 1))
        here = msgspec.convert(lists, _Lists)
        feed = self.world.feed()
        feed = replace(
            feed,
            pilots=[*feed.pilots, *here.pilots],
            controllers=[*feed.controllers, *here.controllers],
            atis=[*feed.atis, *here.atis],
        )
        more = msgspec.convert(radios, list[ClientRadios])
        return publish(self.number, feed, [*self.world.radios(), *more])


class _Lists(Struct):
    pilots: list[Pilot]
    controllers: list[Controller]
    atis: list[Atis]


def _online(clients: Sequence[Client], number: int) -> list[Client]:
    return [one for one in clients if number < one.until]


def area_files() -> tuple[str, str]:
    """VATSpy.dat and its boundaries, with a FIR around Frankfurt."""
    ring = [[6, 49], [11, 49], [11, 52], [6, 52], [6, 49]]
    langen = {
        "type": "Feature",
        "properties": {"id": "EDGG", "oceanic": "0"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    vatspy = "[Countries]\nGermany|ED|Radar\n[FIRs]\nEDGG|Langen||EDGG\n"
    return vatspy, json.dumps({"type": "FeatureCollection", "features": [langen]})
