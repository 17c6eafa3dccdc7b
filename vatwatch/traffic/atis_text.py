"""What an ATIS says, as far as its words can be told: kind, letter, runways, QNH.

Each value is kept with the words that it came from. What the words do not say is null: nothing is
guessed. Callsign and text are all that counts, so the same text always says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from vatwatch.traffic.atis_runways import runways_in_use
from vatwatch.traffic.atis_words import LETTERS, Words, words_of
from vatwatch.traffic.thresholds import threshold

LOWEST_QNH_MB = threshold(
    870, "hPa", "The lowest sea level pressure on record (typhoon Tip, 1979).", "WMO"
)
HIGHEST_QNH_MB = threshold(
    1085, "hPa", "The highest sea level pressure on record (Tosontsengel, 2001).", "WMO"
)
# An inch of mercury in hectopascals (ICAO Doc 8400).
MB_AN_INCH = 33.8639

# Words at the head of a text in which the kind is said.
_HEAD = 12
_INFORMATION = frozenset(("INFORMATION", "INFO", "ATIS", "ATINFO"))
_QNH = frozenset(("QNH", "ALTIMETER", "ALT", "ALTSTG", "Q"))
_ARRIVAL = frozenset(("ARR", "ARRIVAL", "ARRIVALS"))
_DEPARTURE = frozenset(("DEP", "DEPARTURE", "DEPARTURES"))


class AtisText(Struct, frozen=True, gc=False):
    """What an ATIS says; null is what it does not say."""

    kind: str = "both"
    """`departure`, `arrival` or `both`: what the station is for."""
    letter: str | None = None
    departure_runways: tuple[str, ...] | None = None
    arrival_runways: tuple[str, ...] | None = None
    qnh_mb: int | None = None
    words: dict[str, str] = {}
    """What each value came from, by its name: a part of the text, or of the callsign."""


def read_atis(callsign: str, lines: Sequence[str] | None) -> AtisText:
    """What the ATIS of a station says; `lines` may be None."""
    return _read(callsign, () if lines is None else tuple(lines))


# A text is read when it is new; a few hundred stations and their last texts fit.
@lru_cache(maxsize=1024)
def _read(callsign: str, lines: tuple[str, ...]) -> AtisText:
    words = words_of(lines)
    kind, kind_words = _kind(callsign, words)
    letter, letter_words = _letter(words)
    qnh, qnh_words = _qnh(words)
    runways = runways_in_use(words, kind)
    found = {
        "kind": kind_words,
        "letter": letter_words,
        "departure": runways.departure_words,
        "arrival": runways.arrival_words,
        "qnh_mb": qnh_words,
    }
    return AtisText(
        kind,
        letter,
        runways.departure,
        runways.arrival,
        qnh,
        {name: said for name, said in found.items() if said},
    )


def _kind(callsign: str, words: Words) -> tuple[str, str]:
    """By the callsign (`EGKK_D_ATIS`), else by the head of the text, else for both."""
    parts = callsign.upper().split("_")[1:-1]
    if "A" in parts or "ARR" in parts:
        return "arrival", callsign
    if "D" in parts or "DEP" in parts:
        return "departure", callsign
    for index in range(min(_HEAD, len(words.words))):
        if words.at(index) not in _INFORMATION:
            continue
        said = [at for at in range(index) if words.at(at) in _ARRIVAL | _DEPARTURE]
        if not said:
            break
        for_arrivals = any(words.at(at) in _ARRIVAL for at in said)
        for_departures = any(words.at(at) in _DEPARTURE for at in said)
        kind = "both" if for_arrivals and for_departures else ""
        kind = kind or ("arrival" if for_arrivals else "departure")
        return kind, words.quote(said[0], index + 1)
    return "both", ""


def _letter(words: Words) -> tuple[str | None, str]:
    """The first letter that is told: `INFORMATION B`, `ATIS YSSY E`, `INFO BRAVO`."""
    for index in range(len(words.words)):
        # Some write the station's code and the word in one: `UNNTINFO Z`.
        if words.at(index) not in _INFORMATION and words.at(index)[4:] != "INFO":
            continue
        behind = index + 1
        while words.at(behind) in _INFORMATION:
            behind += 1
        for at in (behind, behind + 1):
            letter = _as_letter(words.at(at))
            if letter is not None:
                return letter, words.quote(index, at + 1)
            if not _is_station(words.at(at)):
                break
    return None, ""


def _as_letter(word: str) -> str | None:
    if len(word) == 1 and word.isascii() and word.isalpha():
        return word
    return LETTERS.get(word)


def _is_station(word: str) -> bool:
    """An airport's code may stand between: `ATIS YSSY E`."""
    return len(word) == 4 and word.isascii() and word.isalpha() and word not in LETTERS


def _qnh(words: Words) -> tuple[int | None, str]:
    """`QNH 1019`, `QNH ONE ZERO ONE ZERO`, `QNH 101 2`, `Q993`, `A2992`, `ALTIMETER 2976`.

    A station may send hectopascals in the form of inches (`A1011`); the number tells.
    """
    for index in range(len(words.words)):
        word = words.at(index)
        if word in _QNH:
            behind = index + 1
            while words.at(behind) in ("]", ":", "IS", "Q", "A", "."):
                behind += 1
            digits, end = _digits(words, behind)
        elif word[:1] in ("Q", "A") and 4 <= len(word) <= 5 and word[1:].isdecimal():
            digits, end = word[1:], index + 1
        else:
            continue
        found = _pressure(digits)
        if found is not None:
            return found, words.quote(index - (words.at(index - 1) == "["), end)
    return None, ""


def _digits(words: Words, index: int) -> tuple[str, int]:
    """The digits from a word on: three or four, as one word or spoken one by one."""
    first = words.at(index)
    if first[:1] in ("Q", "A"):
        first = first[1:]
    inches = first.partition(".")
    if inches[1]:
        return inches[0] + inches[2], index + 1
    digits, behind = first.removesuffix("HPA").removesuffix("MB").removesuffix("INS"), index + 1
    if not digits.isdecimal():
        return "", index
    wanted = 3 if digits[0] in "89" else 4
    while len(digits) < wanted and words.at(behind).removesuffix("HPA").isdecimal():
        digits += words.at(behind).removesuffix("HPA")
        behind += 1
    return digits, behind


def _pressure(digits: str) -> int | None:
    """Hectopascals, or hundredths of an inch of mercury; None if it is neither."""
    if not digits.isascii() or not digits.isdecimal() or not 3 <= len(digits) <= 4:
        return None
    number = int(digits)
    if LOWEST_QNH_MB <= number <= HIGHEST_QNH_MB:
        return number
    from_inches = round(number / 100 * MB_AN_INCH)
    return from_inches if LOWEST_QNH_MB <= from_inches <= HIGHEST_QNH_MB else None
