"""Texts written by people: names, callsigns, routes, remarks, controllers' texts, ATIS. All
invented."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from textwrap import wrap

from vatsim_simulator.fleet import AircraftType
from vatsim_simulator.places import LIGHT_PREFIXES, airlines_at
from vatwatch.traffic.airports import Airport

# No member has a CID like this, so no real person is in an invented feed.
LOWEST_CID = 4_000_000
HIGHEST_CID = 4_999_999

# Each consonant with vowels that make it easy to say.
_SYLLABLES = tuple(consonant + vowel for consonant in "bdfghjklmnprstvwyz" for vowel in "aeio")
_ENDINGS = ("n", "r", "s", "l", "ck", "th", "ng", "", "", "")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# fmt: off
_ALPHABET = (
    "ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL", "INDIA", "JULIETT",
    "KILO", "LIMA", "MIKE", "NOVEMBER", "OSCAR", "PAPA", "QUEBEC", "ROMEO", "SIERRA", "TANGO",
    "UNIFORM", "VICTOR", "WHISKEY", "XRAY", "YANKEE", "ZULU",
)
# fmt: on
_REMARKS = (
    "NEW PILOT PLEASE BE PATIENT",
    "CALLSIGN AS FILED",
    "FLYING FOR FUN",
    "SHARED COCKPIT",
    "TEXT ONLY TODAY",
    "NO CHARTS ON BOARD, VECTORS PLEASE",
    "LONG HAUL, MAY BE AWAY FOR A WHILE",
)
_INFORMATION = (
    "Please have your plan filed before you call",
    "Feedback is welcome on our forum",
    "Expect delays of ten minutes",
    "Pushback and start on this frequency",
    "Own navigation to the first fix",
    "Online until 2200z",
)


def _word(random: Random, syllables: int) -> str:
    return "".join(random.choices(_SYLLABLES, k=syllables)) + random.choice(_ENDINGS)


def person(cid: int, homes: Sequence[Airport]) -> str:
    """A name as members show it: in full, in part, or the CID, with a home airport or without.

    The same CID has the same name wherever it is seen.
    """
    random = Random(cid)  # noqa: S311 - no secret
    if random.random() < 0.06:
        name = str(cid)
    else:
        name = _word(random, 2).capitalize()
        if random.random() < 0.8:
            name += " " + _word(random, random.choice((2, 2, 3))).capitalize()
    if random.random() < 0.04:
        name = name.lower()
    if random.random() < 0.6:
        return f"{name} {random.choice(homes).icao}"
    # Some leave a space behind.
    return name + " " if random.random() < 0.03 else name


def callsign(random: Random, aircraft: AircraftType, departure: Airport) -> str:
    """A flight's callsign: an airline's, or the aircraft's registration; at most seven letters."""
    if aircraft.light:
        return registration(random, departure.icao)
    airline = random.choice(airlines_at(departure.icao))
    style = random.random()
    if style < 0.75:
        return airline + str(random.randint(1, 9999 if style < 0.3 else 999))
    number, letters = random.randint(1, 99), "".join(random.choices(_LETTERS, k=2))
    return f"{airline}{number}{letters if style < 0.9 else letters[0]}"


def registration(random: Random, icao: str) -> str:
    """An aircraft's registration, as callsign: mostly without the hyphen, but not always."""
    prefix = next(
        (LIGHT_PREFIXES[key] for key in (icao[:2], icao[:1]) if key in LIGHT_PREFIXES), "N"
    )
    if prefix == "N":
        return f"N{random.randint(1, 999)}{''.join(random.choices(_LETTERS, k=2))}"
    whole = prefix + "".join(random.choices(_LETTERS, k=3))
    return whole if random.random() < 0.1 else whole.replace("-", "")


def aircraft_codes(aircraft: AircraftType) -> tuple[str, str]:
    """The ICAO and the FAA forms of type and equipment: `B77W/H-...`, `H/B77W/L`."""
    heavy = f"{aircraft.wake}/" if aircraft.wake in "HJ" else ""
    suffix = "G" if aircraft.light else "L"
    return (
        f"{aircraft.icao}/{aircraft.wake}-{aircraft.equipment}",
        f"{heavy}{aircraft.icao}/{suffix}",
    )


def route(random: Random, distance_nm: float, cruise_ft: int, by_eye: bool) -> str:
    """A route: a departure, fixes and airways, an arrival; longer the longer the flight."""
    if by_eye:
        return random.choice(("VFR", "DCT", "PATTERNS", f"{_fix(random)} {_fix(random)}"))
    fixes = max(1, round(distance_nm / random.uniform(140, 480)))
    first, last = _fix(random), _fix(random)
    parts = [f"{first}{random.randint(1, 9)}{random.choice(_LETTERS)}", first]
    for _ in range(fixes):
        way = (
            "DCT"
            if random.random() < 0.4
            else f"{random.choice('LMNPTUYZ')}{random.randint(1, 999)}"
        )
        parts += [way, _fix(random)]
        if random.random() < 0.06:
            parts[-1] += f"/N0{random.randint(430, 500)}F{cruise_ft // 100}"
    parts += ["DCT", last, f"{last}{random.randint(1, 9)}{random.choice(_LETTERS)}"]
    # The longest that was seen.
    return " ".join(parts)[:968].rstrip()


def remarks(
    random: Random, aircraft: AircraftType, flight_date: str, airline: str, distance_nm: float
) -> str:
    """Remarks: some a planner's in full, some a few words, and how one can talk (voice, text)."""
    voice = random.choices(("/v/", "/V/", "/T/", "/R/"), (1, 12, 1, 1))[0]
    if random.random() < 0.25:
        return f"DOF/{flight_date} {voice}" if random.random() < 0.5 else voice
    parts = [] if aircraft.light else ["PBN/A1B1C1D1L1O1S2"]
    parts += [f"DOF/{flight_date}", f"REG/N{random.randint(1, 999)}{random.choice(_LETTERS)}S"]
    if distance_nm > 800:
        borders = range(40, round(distance_nm / 7.5), random.randint(35, 80))
        regions = [
            f"{''.join(random.choices('BEHKLOUZ', k=4))}{m // 60:02}{m % 60:02}" for m in borders
        ]
        parts.append("EET/" + " ".join(regions))
    if airline:
        parts.append(f"OPR/{airline}")
    parts.append(f"PER/{random.choice('ABCD')}")
    if random.random() < 0.5:
        parts.append(f"RMK/{random.choice(_REMARKS)}")
    return " ".join([*parts, voice])[:798]


def controller_text(random: Random, place: str) -> list[str]:
    """A controller's information text: one to four lines, some of them empty."""
    lines = [f"{place} {random.choice(('Control', 'Radar', 'Tower', 'online'))}"]
    lines += random.sample(_INFORMATION, random.randint(0, 3))
    if random.random() < 0.004:
        lines.insert(1, "")
    return lines


def atis_text(
    random: Random, airport: Airport, letter: str, hour_and_minute: str, qnh: int
) -> list[str]:
    """An ATIS in one of the styles in use, cut into lines of at most 64 characters."""
    runway = f"{random.randint(1, 36):02}{random.choice(('', '', 'L', 'R'))}"
    wind, knots = random.randrange(10, 370, 10), random.randint(2, 24)
    celsius = random.randint(-8, 34)
    name = (airport.city or airport.name).upper()
    style = random.randrange(3)
    if style == 0:
        return [
            f"ATIS {airport.icao} {letter} {hour_and_minute}",
            f"[RWY] {runway}",
            f"+[WIND] {wind:03}/{knots}",
            "[VIS] GT 10KM",
            f"[TMP] {celsius}",
            f"[QNH] {qnh}",
        ]
    if style == 1:
        inches = round(qnh * 100 / 33.8639)
        text = (
            f"{airport.icao} ATIS INFO {letter} {hour_and_minute}Z. {wind:03}{knots:02}KT 10SM "
            f"FEW040 {celsius:02}/{celsius - 6:02} A{inches}. ILS RWY {runway} APCH IN USE. "
            f"NOTAMS... BIRD ACTIVITY VICINITY AIRPORT. ...ADVS YOU HAVE INFO {letter}."
        )
    else:
        word = _ALPHABET[_LETTERS.index(letter)]
        text = (
            f"{name} INFORMATION {word} .. TIME {hour_and_minute} .. RUNWAY IN USE {runway} .. "
            f"TRANSITION LEVEL 70 .. SURFACE WIND {wind:03} DEGREES {knots} KNOTS .. VISIBILITY 10 "
            f"KILOMETRES OR MORE .. TMP {celsius} DP {celsius - 6} .. QNH {qnh} .. CONFIRM "
            f"INFORMATION {word} ON FIRST CONTACT."
        )
    return wrap(text, 64)


def next_letter(letter: str) -> str:
    """After Z comes A again."""
    return _LETTERS[(_LETTERS.index(letter) + 1) % len(_LETTERS)]


def any_letter(random: Random) -> str:
    """Where an ATIS begins the day."""
    return random.choice(_LETTERS)


def initials(random: Random) -> str:
    """Two or three letters, as observers and supervisors call themselves."""
    return "".join(random.choices(_LETTERS, k=random.choice((2, 2, 3))))


def _fix(random: Random) -> str:
    """A name-code of five letters that can be spoken."""
    return (_word(random, 3) + "n").upper()[:5]
