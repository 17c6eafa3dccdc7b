"""Small feeds of invented people, for tests that spoil them."""

from __future__ import annotations

import json
from typing import Any

TIME = "2026-10-01T11:00:00.1234567Z"
EARLIER = "2026-10-01T10:00:00.5Z"

PLAN = {
    "flight_rules": "I",
    "aircraft": "A320/M-SDE2/LB1",
    "aircraft_faa": "A320/L",
    "aircraft_short": "A320",
    "departure": "EXXX",
    "arrival": "EYYY",
    "alternate": "",
    "cruise_tas": "450",
    "altitude": "35000",
    "deptime": "1000",
    "enroute_time": "0100",
    "fuel_time": "0300",
    "remarks": "/V/",
    "route": "DCT",
    "revision_id": 1,
    "assigned_transponder": "0000",
}


def pilot(number: int, **other: Any) -> dict[str, Any]:
    return {
        "cid": 1_900_000 + number,
        "name": f"Invented Pilot{number}",
        "callsign": f"TST{number}",
        "server": "NOWHERE",
        "pilot_rating": 0,
        "military_rating": 0,
        "latitude": 50.0 + number / 10,
        "longitude": 8.5,
        "altitude": 3000 + number,
        "groundspeed": 200,
        "transponder": "1000",
        "heading": 90,
        "qnh_i_hg": 29.92,
        "qnh_mb": 1013,
        "flight_plan": dict(PLAN),
        "logon_time": EARLIER,
        "last_updated": TIME,
        **other,
    }


def controller(number: int, callsign: str = "", **other: Any) -> dict[str, Any]:
    return {
        "cid": 1_900_000 + number,
        "name": f"Invented Controller{number}",
        "callsign": callsign or f"EXX{number}_TWR",
        "frequency": "119.900",
        "facility": 4,
        "rating": 3,
        "server": "NOWHERE",
        "visual_range": 50,
        "text_atis": ["Invented Tower", "til 2200"],
        "last_updated": TIME,
        "logon_time": EARLIER,
        **other,
    }


def atis(number: int, **other: Any) -> dict[str, Any]:
    station = controller(number, f"EXX{number}_ATIS", atis_code="A")
    return {**station, "text_atis": ["ATIS EXXX A"], **other}


def prefile(number: int, **other: Any) -> dict[str, Any]:
    cid = 1_900_000 + number
    return {
        "cid": cid,
        "name": str(cid),
        "callsign": f"PRE{number}",
        "flight_plan": dict(PLAN),
        "last_updated": EARLIER,
        **other,
    }


def feed(stamp: str = TIME) -> dict[str, Any]:
    """Three pilots, two controllers, two ATIS, two prefiles, and the other lists."""
    return {
        "general": {
            "version": 3,
            "reload": 1,
            "update": "20261001110000",
            "update_timestamp": stamp,
            "connected_clients": 7,
            "unique_users": 6,
        },
        "pilots": [pilot(n) for n in (1, 2, 3)],
        "controllers": [controller(n) for n in (11, 12)],
        "atis": [atis(n) for n in (21, 22)],
        "servers": [
            {
                "ident": "NOWHERE",
                "hostname_or_ip": "192.0.2.1",
                "location": "XX",
                "name": "NOWHERE",
                "client_connections_allowed": True,
                "is_sweatbox": False,
            }
        ],
        "prefiles": [prefile(n) for n in (31, 32)],
        "facilities": [{"id": 0, "short": "OBS", "long": "Observer"}],
        "ratings": [{"id": 1, "short": "OBS", "long": "Observer"}],
        "pilot_ratings": [{"id": 0, "short_name": "NEW", "long_name": "Basic"}],
        "military_ratings": [{"id": 0, "short_name": "M0", "long_name": "None"}],
    }


def radios() -> list[dict[str, Any]]:
    """Of two pilots and a controller, one radio each."""
    return [
        {
            "callsign": callsign,
            "transceivers": [
                {
                    "id": 0,
                    "frequency": 119_900_000,
                    "latDeg": 50.1,
                    "lonDeg": 8.6,
                    "heightMslM": 1000.0,
                    "heightAglM": 900.0,
                }
            ],
        }
        for callsign in ("TST1", "TST2", "EXX11_TWR")
    ]


def body(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
