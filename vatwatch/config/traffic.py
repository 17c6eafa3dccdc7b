"""Settings: rules for the traffic, filters, and how long it is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import PositiveFloat

from vatwatch.config.section import Section, Switch, checked, on_disk, setting


def _pattern(text: str) -> None:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression: {error}") from error


def _file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("must be a file that exists")
    try:
        with value.open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"must be a file that can be read ({error.strerror})") from None
    return value


class TrafficSettings(Section):
    """What the traffic means, and what of it is kept."""

    reconnect_window_s: PositiveFloat = setting(
        "VATWATCH_RECONNECT_WINDOW",
        900.0,
        "A pilot who reconnects within this time continues the flight.",
        unit="s",
        reload=True,
    )
    resume_window_hours: PositiveFloat = setting(
        "VATWATCH_RESUME_WINDOW_HOURS",
        24.0,
        "A flight that was lost in the air can be continued within this time; the longest flights "
        "take 19 hours.",
        unit="h",
        le=168,
        reload=True,
    )
    reach_kt: PositiveFloat = setting(
        "VATWATCH_REACH_KT",
        650.0,
        "Who comes back further away than this speed allows, and `VATWATCH_REACH_MARGIN_NM` on "
        "top, has another flight. Hardly anything on the network goes further in an hour: an "
        "airliner with a strong jet stream behind it.",
        unit="kt",
        reload=True,
        usual=(100, 10_000),
    )
    reach_margin_nm: PositiveFloat = setting(
        "VATWATCH_REACH_MARGIN_NM",
        30.0,
        "See `VATWATCH_REACH_KT`. A record may be three minutes old, and in that time a jet goes "
        "thirty miles.",
        unit="nm",
        reload=True,
        usual=(1, 1_000),
    )
    session_window_s: PositiveFloat | None = setting(
        "VATWATCH_SESSION_WINDOW",
        None,
        "A controller who comes back within this time under the same callsign continues the "
        "session, with a break in it; unset: `VATWATCH_RECONNECT_WINDOW`. A program that crashed "
        "is back within minutes, and who is away for longer has given the position up.",
        unit="s",
        usual=(9.0, 90_000.0),
        reload=True,
    )
    position_keepalive_s: PositiveFloat = setting(
        "VATWATCH_POSITION_KEEPALIVE",
        300.0,
        "A standing aircraft gets a position row this often.",
        unit="s",
        reload=True,
    )
    keep_names: Switch = setting(
        "VATWATCH_KEEP_NAMES",
        True,
        "Whether people's names are stored and served; they are personal data.",
        reload=True,
    )
    quarantine_retention_hours: PositiveFloat = setting(
        "VATWATCH_QUARANTINE_RETENTION_HOURS",
        336.0,
        "How long the table of records that could not be read keeps them; two weeks outlast a "
        "holiday, and with 500 an hour take at most 0.7 GB.",
        unit="h",
        reload=True,
    )
    history_retention_days: PositiveFloat | None = setting(
        "VATWATCH_HISTORY_RETENTION_DAYS",
        None,
        "How long flights, plans, sessions, ATIS, radios, contacts, stays in FIRs and sectors, and "
        "snapshots are kept; unset: forever.",
        unit="d",
        le=36_500,
        reload=True,
        usual=(1, None),
    )
    position_retention_days: PositiveFloat | None = setting(
        "VATWATCH_POSITION_RETENTION_DAYS",
        None,
        "How long positions are kept, by whole days; unset: as long as the flights.",
        unit="d",
        le=36_500,
        reload=True,
        usual=(1, None),
    )
    boundary: Annotated[Path, on_disk(_file)] | None = setting(
        "VATWATCH_FILTER_BOUNDARY",
        None,
        "A GeoJSON file; only what is inside its polygons is kept.",
        reload=True,
    )
    callsign: Annotated[str, checked(_pattern)] | None = setting(
        "VATWATCH_FILTER_CALLSIGN",
        None,
        "A regular expression; only callsigns in which it is found are kept.",
        reload=True,
    )
    min_rating: int | None = setting(
        "VATWATCH_FILTER_MIN_RATING",
        None,
        "VATSIM's id of a rating; controllers and ATIS below it are not kept.",
        reload=True,
        # VATSIM's are -1 (inactive) to 12 (administrator); above it nobody is left.
        usual=(-1, 12),
    )
