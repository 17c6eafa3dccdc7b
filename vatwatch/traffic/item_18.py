"""What remarks say in the form of ICAO Doc 4444, Appendix 2, item 18: `PBN/A1B1 DOF/241122 ...`.

Pilots put these anywhere in their remarks, and anything beside them. An indicator that stands twice
means its first text that is not empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

_INDICATORS = (
    "STS PBN NAV COM DAT SUR DEP DEST DOF REG EET SEL TYP CODE DLE OPR ORGN PER ALTN RALT TALT RIF "
    "RMK RVR RFP IFP STAYINFO1"
)
# What is no word before it: `/V/PBN/A1` has one, `MYREG/` has none.
_INDICATOR = re.compile(rf"(?<![A-Z0-9])({'|'.join(_INDICATORS.split())})/")
# The network's own: full voice, receive only, text only.
_VOICE = re.compile(r"/([VRT])/")
VOICE = {"V": "full", "R": "receive", "T": "text"}

# PANS-ATM's list: RNAV 10, 5, 2, 1, RNP 4, 1, RNP APCH, RNP AR APCH; each with its sensors.
_PBN = re.compile(r"A1|B[1-6]|C[1-4]|D[1-4]|L1|O[1-4]|S[12]|T[12]")
_DATE = re.compile(r"([0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_REGISTRATION = re.compile(r"[A-Z0-9](?:-?[A-Z0-9]){1,8}")
# The sixteen tones of ARINC 714, and the sixteen more of SELCAL 32.
_SELCAL = re.compile(r"([A-HJ-MP-Z1-9]{2})-?([A-HJ-MP-Z1-9]{2})")
_MODE_S = re.compile(r"[0-9A-F]{6}")
_PERFORMANCE = frozenset("ABCDEH")
_STATUS = frozenset(
    "ALTRV ATFMX FFR FLTCK HAZMAT HEAD HOSP HUM MARSA MEDEVAC NONRVSM SAR STATE".split()  # noqa: SIM905
)
# Operators' names are short; what is longer is a sentence.
LONGEST_OPERATOR = 40


class Remarks(Struct, frozen=True, gc=False):
    """What remarks say by indicators. None: nothing, or nothing that can be told."""

    pbn: tuple[str, ...] | None = None
    date_of_flight: date | None = None
    registration: str | None = None
    selcal: str | None = None
    mode_s_code: str | None = None
    operator: str | None = None
    performance_category: str | None = None
    special_handling: tuple[str, ...] | None = None
    voice: str | None = None
    unreadable: tuple[str, ...] = ()
    """Indicators whose text cannot be read: `PBN`, `DOF`, ..."""


def read_remarks(text: str) -> Remarks:
    """What remarks say by indicators. In time that grows with their length alone."""
    text = text.upper()
    voice = _VOICE.search(text)
    told = VOICE[voice[1]] if voice else None
    said = indicators(text)
    if not said:
        return Remarks(voice=told)
    unreadable: list[str] = []

    def of(indicator: str, read: Callable[[str], T | None]) -> T | None:
        if indicator not in said:
            return None
        value = read(said[indicator])
        if value is None:
            unreadable.append(indicator)
        return value

    return Remarks(
        pbn=of("PBN", _pbn),
        date_of_flight=of("DOF", _date),
        registration=of("REG", _first(_REGISTRATION)),
        selcal=of("SEL", _selcal),
        mode_s_code=of("CODE", _first(_MODE_S)),
        operator=of("OPR", _operator),
        performance_category=of("PER", _performance),
        special_handling=of("STS", _status),
        voice=told,
        unreadable=tuple(unreadable),
    )


def indicators(text: str) -> dict[str, str]:
    """Each indicator with what stands behind it, up to the next one; empty ones are left out.

    Blanks of any kind are one space.
    """
    found: dict[str, str] = {}
    marks = list(_INDICATOR.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):  # without marks there is an end
        said = " ".join(_VOICE.sub(" ", text[mark.end() : end]).split()).strip(" /+")
        if said and mark[1] not in found:
            found[mark[1]] = said
    return found


def _word(text: str) -> str:
    return text.split(None, 1)[0]


def _first(form: re.Pattern[str]) -> Callable[[str], str | None]:
    """A reader of the first word, if that has this form."""

    def read(text: str) -> str | None:
        word = _word(text)
        return word if form.fullmatch(word) else None

    return read


def _pbn(text: str) -> tuple[str, ...] | None:
    word = _word(text)
    codes = tuple(_PBN.findall(word))
    return codes if codes and 2 * len(codes) == len(word) else None


def _date(text: str) -> date | None:
    match = _DATE.fullmatch(_word(text))
    if match is None:
        return None
    try:
        return date(2000 + int(match[1]), int(match[2]), int(match[3]))
    except ValueError:  # the 31st of a month that has 30
        return None


def _selcal(text: str) -> str | None:
    match = _SELCAL.fullmatch(_word(text))
    return None if match is None else match[1] + match[2]


def _operator(text: str) -> str | None:
    return text if len(text) <= LONGEST_OPERATOR else None


def _performance(text: str) -> str | None:
    word = _word(text)
    return word if word in _PERFORMANCE else None


def _status(text: str) -> tuple[str, ...] | None:
    words = tuple(text.split())
    return words if _STATUS.issuperset(words) else None
