"""Rebuild the feeds in tests/feeds: `python -m scripts.feeds`.

The people are invented (`vatsim_simulator`), the oddities are those of real feeds, and each is
there at least once: tests/feed/test_feeds.py lists them. The same code gives the same files, so
they change only when the simulator or this script does.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from vatsim_simulator.oddities import Rates
from vatsim_simulator.world import World

FEEDS = Path(__file__).parents[1] / "tests" / "feeds"

Document = dict[str, Any]

# Far more often than in reality, so that small feeds have all of it.
OFTEN = Rates(
    **{
        name: min(0.15, 25 * rate)
        for name, rate in msgspec.structs.asdict(Rates()).items()
        if not name.endswith(("_a_step", "_a_day"))
    }
    | {"reconnects_a_step": 0.01, "amendments_a_step": 0.02, "quits_a_step": 0.01}
)
# Keys that came later than the earliest feeds that were seen.
LATER_PLAN_KEYS = ("aircraft_faa", "aircraft_short", "revision_id", "assigned_transponder")


def main() -> None:
    """Write every file."""
    FEEDS.mkdir(exist_ok=True)
    early = World(11, 120, _time("2020-12-03T14:23:57.93Z"), OFTEN)
    _write("vatsim-data", early, _as_in_2020)
    early.advance()
    _write_radios(early)  # without a main feed of the same moment
    busy = World(12, 600, _time("2021-04-24T15:28:14.12Z"), OFTEN)
    _write("vatsim-data", busy, _with_long_texts)
    _write_radios(busy)
    sequence = World(13, 150, _time("2024-11-22T23:58:40.12Z"), OFTEN)
    for seconds in (0, 60, 15, 15, 15):  # over midnight
        if seconds:
            sequence.advance(seconds)
        _write("vatsim-data", sequence, _unchanged)
        _write_radios(sequence)
    restarted = World(14, 120, _time("2025-08-06T06:54:57.998Z"), OFTEN)
    restarted.restart_data_server()
    _write("vatsim-data", restarted, _with_people_twice)
    _write_radios(restarted)
    _dump("boundaries.geojson.gz", _boundaries())


# --- what the simulator has not ------------------------------------------------------------------


def _unchanged(_document: Document) -> None:
    """As the simulator has it."""


def _as_in_2020(document: Document) -> None:
    """Without what was added later, and with a key that no version knows."""
    del document["military_ratings"]
    document["weather"] = {"unknown": ["to", "everybody"]}
    for pilot in document["pilots"]:
        del pilot["military_rating"]
        pilot["key_of_the_future"] = None
    for record in document["pilots"] + document["prefiles"]:
        for key in LATER_PLAN_KEYS if record["flight_plan"] else ():
            del record["flight_plan"][key]
    for server in document["servers"]:
        server["clients_connection_allowed"] = 1
        del server["client_connections_allowed"], server["is_sweatbox"]
    document["pilots"][0]["callsign"] = "N"
    document["pilots"][1]["callsign"] = "ABCDEFG-1234"


def _with_long_texts(document: Document) -> None:
    """As long as any that was seen: 968 characters of route, 798 of remarks."""
    plans = [pilot["flight_plan"] for pilot in document["pilots"] if pilot["flight_plan"]]
    plans[0]["route"] = " ".join(f"{n:04}N{n:05}W" for n in range(1, 84))[:968]
    plans[1]["remarks"] = ("RMK/LONG " * 100)[:798]
    plans[2]["altitude"], plans[3]["altitude"], plans[4]["altitude"] = "F350", "A045", "VFR/065"
    plans[5]["deptime"] = "5772193"
    document["pilots"][6]["heading"], document["pilots"][7]["heading"] = 0, 360
    document["pilots"][8]["altitude"], document["pilots"][8]["groundspeed"] = 61_729, 1_636
    document["controllers"][0]["visual_range"] = 1_500
    document["controllers"][0]["text_atis"] = ["", "MA\u00c3\u2018ANA", "tab\there", "\x94"]
    document["atis"][0]["atis_code"] = None
    document["atis"][1]["text_atis"] = None


def _with_people_twice(document: Document) -> None:
    """One CID twice among the pilots, and another as pilot and controller."""
    pilots, controllers = document["pilots"], document["controllers"]
    pilots[1]["cid"] = pilots[0]["cid"]
    controllers[0]["cid"] = pilots[2]["cid"]
    controllers[2]["cid"] = controllers[1]["cid"]
    # Half a second after the feed itself was written.
    pilots[3]["last_updated"] = "2025-08-06T06:54:58.5123456Z"
    pilots[4]["logon_time"] = "2025-08-06T05:00:00Z"


def _odd_radios(clients: list[Document]) -> None:
    """Radios with every frequency and height that should not be."""
    aerials = [client for client in clients if client["transceivers"]]
    values = (122_800_010, 0, 199_998_000, 6_547_000, 12_280_000)
    for client, frequency in zip(aerials, values, strict=False):
        client["transceivers"][0]["frequency"] = frequency
    aerials[5]["transceivers"][0].update(heightMslM=-2.5, heightAglM=-0.25)
    aerials[6]["transceivers"][0].update(heightMslM=10.0, heightAglM=30.0)
    aerials[7]["transceivers"] = [
        {**aerials[7]["transceivers"][0], "id": number} for number in range(43)
    ]
    aerials[8]["transceivers"] = []


# --- areas ---------------------------------------------------------------------------------------


def _boundaries() -> Document:
    """Invented areas in the form, and with the faults, of the network's own file."""
    return {
        "type": "FeatureCollection",
        "features": [
            _area("EYYY", "0", _square(0, 50, 10)),
            _area("EYYY", "1", _square(-20, 50, 10)),  # domestic and oceanic share an id
            _area("EZZZ", "0", _square(10, 50, 10)[:-1]),  # a ring that is not closed
            _area("NWWW", "1", _square(170, -20, 10), _square(-180, -20, 10)),  # both sides of 180°
        ],
    }


def _area(name: str, oceanic: str, *rings: list[list[float]]) -> Document:
    return {
        "type": "Feature",
        "properties": {"id": name, "oceanic": oceanic, "label_lon": "0", "label_lat": "0"},
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]},
    }


def _square(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


# --- files ---------------------------------------------------------------------------------------


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _write(kind: str, world: World, spoil: Callable[[Document], None]) -> None:
    document = msgspec.to_builtins(world.feed())
    spoil(document)
    _dump(f"{kind}-{world.now:%Y%m%dT%H%M%SZ}.json.gz", document)


def _write_radios(world: World) -> None:
    clients = msgspec.to_builtins(world.radios())
    _odd_radios(clients)
    _dump(f"transceivers-data-{world.now:%Y%m%dT%H%M%SZ}.json.gz", clients)


def _dump(name: str, content: object) -> None:
    raw = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    # Without the time of its making: the same content is the same file.
    (FEEDS / name).write_bytes(gzip.compress(raw, 9, mtime=0))


if __name__ == "__main__":
    main()
