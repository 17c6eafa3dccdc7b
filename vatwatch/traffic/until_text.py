"""When a controller means to go, from the controller's own text: `Online until 2200z`.

Times are read as UTC, as all times on the network are unless somebody says otherwise; one that is
said to be local time is not understood, and neither is one of something else (`closed until`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from vatwatch.traffic.atis_words import Words, word_set, words_of
from vatwatch.traffic.thresholds import threshold

UNTIL_BACK_HOURS = threshold(
    6,
    "h",
    "A time of the day that has just passed is today's (the controller stays on, or has not changed"
    " the text), and one that is longer ago is tomorrow's: few stay for more than 18 hours.",
)

_DAY_MINUTES = 24 * 60
# Words that say how long: in English, Spanish, French, German, Portuguese (of `até` the `é`, as
# words are of plain letters).
_UNTIL = word_set("UNTIL UNTILL TIL TILL HASTA JUSQU JUSQUA BIS ATE É")
# Words that say the end itself.
_END = word_set(
    "CLOSE CLOSES CLOSING OFFLINE LOGOFF LOGOUT END ENDS ENDING LEAVING LEAVE SHUTDOWN ETC"
)
# Between them and the time.
_FILLERS = word_set(
    "AT ABOUT APPROX APPROXIMATELY AROUND CA CIRCA EXPECTED EST ESTIMATED LAS LOS AS À S A UM ON"
    " TIME BY SHIFT OF IS OFF OUT ' \u2019 ~ : . ( = -"
)
_MAX_FILLERS = 4
_UTC = word_set("Z ZULU UTC GMT UT U")
_LOCAL = word_set("L LT LCL LOC LOCAL LMT AM PM CET CEST EST EDT CST CDT MST MDT PST PDT")
# Between the ends of a range; the last one is a dash.
_TO = word_set("- TO / \u2013")
# What lasts until then, if it is not the controller.
_OTHERS = word_set(
    "CLOSED CLSD DELAY DELAYS RUNWAY RWY TAXIWAY TWY NOTAM RESTRICTED CURFEW EVENT FLOW CTOT"
)
# How far before the time such a word may stand, in words.
_OTHERS_WITHIN = 6
# A time and its zone as one word: `2200Z`, `22UTC`, `22H00Z`.
_JOINED = re.compile(r"([0-9]{1,4}|[0-9]{1,2}\.[0-9]{2}|[0-9]{1,2}H[0-9]{2})([A-Z]{0,5})")


def until(lines: Sequence[str] | None, seen: datetime) -> datetime | None:
    """When the text says that its controller goes; None if it does not say.

    Args:
        lines: the text
        seen: the snapshot in which it was new, UTC: the day is reckoned from there
    """
    minutes = None if lines is None else _said(tuple(lines))
    if minutes is None:
        return None
    midnight = seen.replace(hour=0, minute=0, second=0, microsecond=0)
    time = midnight + timedelta(minutes=minutes)
    earliest = seen - timedelta(hours=UNTIL_BACK_HOURS)
    while time < earliest:
        time += timedelta(days=1)
    while time >= earliest + timedelta(days=1):
        time -= timedelta(days=1)
    return time


@lru_cache(maxsize=1024)
def _said(lines: tuple[str, ...]) -> int | None:
    """The minute of the day (UTC) that a text tells as the end; the first one that it tells."""
    for line in lines:
        words = words_of([line])
        for index in range(len(words.words)):
            word = words.at(index)
            if word in _UNTIL:
                found = _behind(words, index + 1, zone_is_needed=False)
            elif word in _END or (
                word in ("LOG", "LOGGING") and words.at(index + 1) in ("OFF", "OUT")
            ):
                found = _behind(words, index + 1, zone_is_needed=True)
            else:
                found = _end_of_range(words, index)
            if found is not None and not _is_of_others(words, index):
                return found
    return None


def _is_of_others(words: Words, index: int) -> bool:
    return any(
        words.at(before) in _OTHERS for before in range(max(0, index - _OTHERS_WITHIN), index)
    )


def _behind(words: Words, index: int, *, zone_is_needed: bool) -> int | None:
    """The time behind a word, with what may stand between."""
    for _ in range(_MAX_FILLERS):
        if words.at(index) not in _FILLERS:
            break
        index += 1
    minutes, zone, _ = _time(words, index)
    return None if zone_is_needed and not zone else minutes


def _end_of_range(words: Words, index: int) -> int | None:
    """The end of `1800z-2200z`, `1800-2200z`, `18:00 to 22:00 UTC`; the end needs its zone."""
    minutes, _, behind = _time(words, index)
    if minutes is None or words.at(behind) not in _TO:
        return None
    minutes, zone, _ = _time(words, behind + 1)
    return minutes if zone else None


def _time(words: Words, index: int) -> tuple[int | None, bool, int]:
    """The time at a word: minute of the day, whether it says UTC, and the word behind it.

    `2200Z`, `2200 UTC`, `22:00z`, `22.00z`, `22Z`, `22H00Z`, `2200`.
    """
    joined = _JOINED.fullmatch(words.at(index))
    if joined is None:
        return None, False, index
    digits, zone, behind = joined[1].replace(".", "").replace("H", ""), joined[2], index + 1
    minutes = _JOINED.fullmatch(words.at(index + 2))
    if (
        words.at(behind) in (":", "H")
        and not zone
        and len(digits) <= 2
        and minutes is not None
        and len(minutes[1]) == 2
    ):
        digits, zone, behind = digits + minutes[1], minutes[2], index + 3
    if not zone and words.at(behind) in _UTC | _LOCAL:
        zone, behind = words.at(behind), behind + 1
    if zone and zone not in _UTC:
        return None, False, index
    if zone and len(digits) <= 2:  # `until 22z`
        digits += "00"
    digits = digits.zfill(4) if zone or len(joined[1]) != len(digits) else digits  # `until 930z`
    if len(digits) != 4:
        return None, False, index
    hour, minute = int(digits[:2]), int(digits[2:])
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        return None, False, index
    return (hour * 60 + minute) % _DAY_MINUTES, bool(zone), behind
