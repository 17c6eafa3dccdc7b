"""What flights did in sequences of real captures, as a person reads them."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.traffic.tracks import kinds
from vatwatch.feed.decode import decode_feed
from vatwatch.feed.times import parse_time
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import Progress, advance, begin, finish

# One a minute, then three steps of 15 s, on 2024-11-22.
SEQUENCE = "vatsim-data-20241122T12"
SEEN = {
    # Down to 1904 ft at 133 kt, then 78 kt and 30 kt; Madrid is at 1998 ft.
    "VOE2423": ("landing", "LEMD", "12:49:55"),
    # 181 ft and 96 kt, a minute later 8 kt: a minute is as exact as it can be.
    "XBIAF": ("landing", "MMCZ", "12:49:40"),
    # 266 ft and 137 kt, a minute later 57 kt on the runway, and on to a taxiway.
    "UZB333": ("landing", "OMDB", "12:49:40"),
    # 142 kt and 665 ft, then 177 kt and 1031 ft.
    "DAN060": ("take_off", "EGNM", "12:50:10"),
    # 148 kt and 28 ft, then 181 kt and 198 ft.
    "JST801": ("take_off", "YPAD", "12:50:10"),
    # At its stand, a minute later 580 ft up.
    "TRA1254": ("take_off", "EDDH", "12:49:40"),
    "GAP2779": ("take_off", "RPLL", "12:49:40"),
}


def derived(files: list[Path]) -> dict[str, Progress]:
    """The progress of each pilot over a sequence, by callsign."""
    told: dict[str, Progress] = {}
    before: set[str] = set()
    for file in files:
        feed = decode_feed(gzip.decompress(file.read_bytes())).feed
        time, seen = parse_time(feed.general.update_timestamp), set()
        for pilot in feed.pilots:
            fix = Position(
                time, pilot.latitude, pilot.longitude, pilot.altitude, pilot.groundspeed,
                pilot.heading,
            )  # fmt: skip
            known = told.get(pilot.callsign)
            gap = pilot.callsign not in before
            told[pilot.callsign] = (
                begin(fix, pilot.flight_plan)
                if known is None
                else advance(known, fix, pilot.flight_plan, after_gap=gap)
            )
            seen.add(pilot.callsign)
        before = seen
    return told


def test_movements_are_those_that_a_person_sees(captures: Path) -> None:
    files = sorted(captures.glob(f"{SEQUENCE}*.json.gz"))
    flights = derived(files)
    for callsign, (kind, airport, time) in SEEN.items():
        if callsign in flights:
            found = flights[callsign].movements[-1]
            assert (found.kind.value, found.airport) == (kind, airport), callsign
            assert found.time.strftime("%H:%M:%S") == time, callsign


def test_movements_of_any_captures_are_few_and_plausible(captures: Path) -> None:
    """Of each day: a flight moves once or twice between ground and air, and nothing is invented."""
    days: dict[str, list[Path]] = {}
    for file in sorted(captures.glob("vatsim-data-*.json.gz")):
        days.setdefault(file.name[: len("vatsim-data-20241122")], []).append(file)
    for files in days.values():
        for callsign, progress in derived(files).items():
            progress = finish(progress, None)
            told = kinds(progress)
            assert len(told) <= 4, callsign
            assert all(movement.time <= progress.fix.time for movement in progress.movements)
            if not told and not progress.joined_in_flight:
                assert progress.distance_flown_nm == 0, callsign
            assert progress.airborne or told[-1:] != ["take_off"] or len(files) > 1, callsign
