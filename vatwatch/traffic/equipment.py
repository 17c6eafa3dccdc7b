"""What the aircraft of a plan is: type, wake category, equipment.

VATSIM's field has one of two forms. ICAO's (Doc 4444, Appendix 2, items 9 and 10) is
`B738/M-SDE3FGHIRWY/LB1`: type, wake category, equipment (10a), surveillance (10b). The FAA's is
`H/B773/L`: `H` or `J` for heavy and super (`T` for TCAS in older plans), type, and one letter for
the equipment. In `B738/L` the letter is the FAA's and not a wake category: that is how it is filed
on the network (386 of 611 times in both fields).
"""

from __future__ import annotations

import re

from msgspec import Struct

# ICAO Doc 8643: two to four letters and digits, the first a letter. `77W` and `32N` are IATA's.
_TYPE = re.compile(r"[A-Z][A-Z0-9]{1,3}")
_ICAO_FORM = re.compile(r"([A-Z0-9]+)/([A-Z?])-([A-Z0-9]*)(?:/([A-Z0-9]*))?")
_FAA_FORM = re.compile(r"(?:([A-Z])/)?([A-Z0-9]+)(?:/([A-Z]))?")
# Item 10a: a letter, or a letter with a digit: E1-E3, J1-J7, M1-M3, P1-P9.
_EQUIPMENT = re.compile(r"E[1-3]|J[1-7]|M[1-3]|P[1-9]|[A-DF-IKLNOQ-Z]")
# Item 10b: SSR modes, ADS-B (B U V), ADS-C (D G).
_SURVEILLANCE = re.compile(r"[BUV][12]|[DG]1|[ACEHILNPSX]")
WAKE_CATEGORIES = frozenset("JHML")
NO_TYPE = "ZZZZ"
"""Filed where a type has no designator; the remarks say which it is."""


class Aircraft(Struct, frozen=True, gc=False):
    """What an aircraft's text says. None: nothing, or nothing that can be told."""

    type: str | None = None
    """ICAO type designator; None for `ZZZZ`, too."""
    wake_category: str | None = None
    """J (super), H (heavy), M (medium) or L (light)."""
    equipment: tuple[str, ...] | None = None
    """Codes of item 10a, in the order filed."""
    surveillance: tuple[str, ...] | None = None
    """Codes of item 10b, in the order filed."""
    faa_equipment: str | None = None
    """The FAA's letter, where the plan has that form."""
    unreadable: tuple[str, ...] = ()
    """Which of `aircraft`, `equipment` and `surveillance` were filed and cannot be read."""


def read_aircraft(text: str) -> Aircraft:
    """Type, wake category and equipment of an aircraft, in ICAO's form or the FAA's."""
    text = text.strip().upper()
    if not text:
        return Aircraft()
    icao = _ICAO_FORM.fullmatch(text)
    if icao is not None:
        equipment = equipment_codes(icao[3])
        surveillance = surveillance_codes(icao[4] or "")
        unreadable = (
            ("aircraft", _type(icao[1]) is None and icao[1] != NO_TYPE),
            ("equipment", equipment is None and icao[3]),
            ("surveillance", surveillance is None and icao[4]),
        )
        return Aircraft(
            _type(icao[1]),
            icao[2] if icao[2] in WAKE_CATEGORIES else None,
            equipment,
            surveillance,
            None,
            tuple(field for field, is_so in unreadable if is_so),
        )
    faa = _FAA_FORM.fullmatch(text)
    if faa is None or (_type(faa[2]) is None and faa[2] != NO_TYPE):
        return Aircraft(unreadable=("aircraft",))
    return Aircraft(
        type=_type(faa[2]),
        wake_category=faa[1] if faa[1] in WAKE_CATEGORIES else None,
        faa_equipment=faa[3],
    )


def equipment_codes(text: str) -> tuple[str, ...] | None:
    """Item 10a by codes: `SDE3FGHIJ1RWY`. None if any of it is not a code, or one is twice."""
    return _codes(_EQUIPMENT, text)


def surveillance_codes(text: str) -> tuple[str, ...] | None:
    """Item 10b by codes: `LB1D1`. None if any of it is not a code, or one is twice."""
    return _codes(_SURVEILLANCE, text)


def _codes(code: re.Pattern[str], text: str) -> tuple[str, ...] | None:
    found = tuple(code.findall(text))
    if not found or len("".join(found)) != len(text) or len(set(found)) != len(found):
        return None
    # N says that there is nothing: it cannot stand with others.
    return None if "N" in found and len(found) > 1 else found


def _type(text: str) -> str | None:
    return text if text != NO_TYPE and _TYPE.fullmatch(text) else None
