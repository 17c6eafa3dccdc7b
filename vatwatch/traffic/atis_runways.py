"""The runways in use, read from the words of an ATIS.

Countries say it in their own ways: `ARRIVALS EXPECT ILS RWY 29 APCH. DEPG RWY 29`, `RUNWAY IN USE
2 5`, `MAIN LANDING RUNWAY 27`, `[RWY] 16R FOR DEPS AND 34L FOR ARRS`, `RWY 16L AND R FOR ARRS AND
DEPS`, `ILS RWY 26 IN USE. DEP RWY 19R`. The reader goes through the words once. It keeps in mind
what was said last (of departures, of arrivals, of an approach) until a sentence ends or speaks of
something else, and what follows a runway's name (`FOR ARRIVALS`, `IN USE`, `CLOSED`).

A runway that is only spoken of (closed, to be crossed, wet, with birds near it, for some aircraft)
is not in use. What the words do not say stays unknown.
"""

from __future__ import annotations

from enum import Flag, auto

from msgspec import Struct

from vatwatch.traffic.atis_words import Words, word_set
from vatwatch.traffic.thresholds import threshold

MAX_RUNWAYS = threshold(
    10, "runways", "No airport uses more at once, so a text that lists more is no ATIS."
)
# Words between `RUNWAY` and its name: `RUNWAY IN USE FOR LANDING 22`.
MAX_FILLERS = 8


class Use(Flag):
    """What a runway is used for, as far as it is said."""

    NONE = 0
    DEPARTURE = auto()
    ARRIVAL = auto()
    APPROACH = auto()
    """Only an approach to it is told of: weaker than a landing."""
    IN_USE = auto()
    """In use, and not said for what."""


class Mention(Struct, frozen=True, gc=False):
    """Runways that are said to be used, and the words that say it."""

    use: Use
    runways: tuple[str, ...]
    words: str


class RunwaysInUse(Struct, frozen=True, gc=False):
    """Runways by name (`09L`), null if nothing is said, and the words they came from."""

    departure: tuple[str, ...] | None = None
    arrival: tuple[str, ...] | None = None
    departure_words: str = ""
    arrival_words: str = ""


_RUNWAY = word_set("RUNWAY RUNWAYS RWY RWYS RY RYS PISTE PISTES PISTA PISTAS")
_SEVERAL = word_set("RUNWAYS RWYS RYS PISTES PISTAS")
_DEPARTURE = word_set(
    "DEP DEPS DEPG DEPTG DEPARTURE DEPARTURES DEPARTING TAKEOFF TAKEOFFS TKOF TKOFF DECOLLAGE"
    " DESPEGUE DESPEGUES"
)
_ARRIVAL = word_set(
    "ARR ARRS ARRIVAL ARRIVALS ARRIVING LDG LNDG LANDING LANDINGS ATTERRISSAGE ATERRIZAJE"
    " ATERRIZAJES"
)
_APPROACH = word_set(
    "APCH APCHS APPROACH APPROACHES APP APPS APPR APPRS APPPROACH APPROCHES ILS RNAV RNP VISUAL"
    " VOR NDB LOC GLS GPS LDA"
)
# Between runways of one list: `RUNWAY 26L AND 26R`, `RWY 14L/R`, and in `ILS RY 22L, ILS Z 22R`.
_AND = word_set("AND & / OR , - + ET Y UND")
_KIND_OF_APPROACH = _APPROACH | word_set("X W Z Y V A B YANKEE ZULU XRAY WHISKEY DME")
_SIDES = {"LEFT": "L", "RIGHT": "R", "CENTER": "C", "CENTRE": "C", "L": "L", "R": "R", "C": "C"}
_FILLERS = word_set("IN EN EM FOR IS ARE : , ] ALL MAIN USED THE")
# `IN USE`, `EN SERVICE`, `EN USO`, `ACTIVA`.
_USE = word_set("USE SERVICE USO ACTIVE ACTIVA")
_STOPS = word_set(". ; | [ ! ?")
# What speaks of something else, after which nothing is said of runways' use any more.
_OTHER_MATTERS = word_set(
    "WIND QNH QFE ALTIMETER TRANSITION TRL TL VISIBILITY TEMPERATURE MET METAR WEATHER WX TIME"
    " INFORMATION INFO ATIS FREQ FREQUENCY NOTAM NOTAMS CLOUDS CAVOK RVR TOUCHDOWN METREPORT"
    " ATTENTION"
)
# A runway after these is not said to be in use, or for some aircraft only.
_BUT = word_set(
    "VICINITY HOLD HOLDING SHORT CROSS CROSSING CAUTION CAUT CTN VACATE VACATING AFTER MISTAKE RCR"
    " RWYCC SCC THR INT INTERSECTION TWY TWYS TAXIWAY TAXIWAYS EXIT BIRD BIRDS FLOCKS IF BETWEEN"
    " AIRCRAFT ACFT UNABLE READBACK"
)
_CLOSED = word_set("CLOSED CLSD UNAVAILABLE UNAVBL OTS CLOSURE")
_UNITS = word_set(
    "KT KTS KNOTS DEGREES DEG MINUTES MIN MINS PERCENT PCT Z KM NM FEET FT METERS METRES"
)
_FOR = Use.DEPARTURE | Use.ARRIVAL


class _Reader:
    """Goes through the words once, from the first to the last."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.found: list[Mention] = []
        self._forget(-1)

    def read(self) -> list[Mention]:
        index = 0
        while index < len(self.words.words):
            index = max(index + 1, self._one(index))
        return self.found

    def _forget(self, stop: int) -> None:
        """A sentence has ended at the word `stop`, or another matter begins there."""
        self.use = Use.NONE
        self.since = stop + 1  # where the words begin that say the use
        self.stop = stop
        self.used = False  # whether a runway was named since
        self.but = False
        self.open = False  # behind `[RWY]`, where names stand alone
        self.explains = False  # whether a use stood behind a name: `23 FOR LANDING`
        self.before_name = False  # there, whether `DEP` stands before its runway

    def _one(self, index: int) -> int:
        """Take in one word; where to go on."""
        word = self.words.at(index)
        if word in _STOPS or word in _OTHER_MATTERS:
            self._forget(index)
        elif word in _RUNWAY:
            return self._runway(index)
        elif word in _BUT:
            # `ARR ACFT EXP` and `ALL ACFT` are no exceptions.
            before = self.words.at(index - 1)
            self.but = self.but or not (before == "ALL" or _use_of(before) & _FOR)
        elif self._take_use(index):
            if _use_of(word) & _FOR and self.words.at(index + 1) == "VIA":  # some of them only
                self.but = True
            return self._names_without_runway(index + 1)
        elif self._may_be_name(index):
            return self._mention(index, index, Use.NONE)
        return index + 1

    def _may_be_name(self, index: int) -> bool:
        """Whether a name stands alone: behind `[RWY]`, and in `23 FOR LANDING 33 FOR TAKE OFF`."""
        if not (self.open or self.explains):
            return False
        name, behind = self._name(index)
        return bool(name) and (self.open or self.words.at(behind) == "FOR")

    def _take_use(self, index: int) -> bool:
        word = self.words.at(index)
        said = _use_of(word)
        if said is Use.NONE:
            return False
        if said is Use.APPROACH:
            strong = self.use & _FOR
            if strong and not (self.used and strong == Use.DEPARTURE):
                return True  # `ARRIVALS EXPECT ILS APPROACH`
            self._begin(Use.APPROACH, index)
        elif self.used or not self.use & _FOR:
            self._begin(said, index)
        else:
            self.use |= said  # `ARRIVALS AND DEPARTURES`
        return True

    def _begin(self, use: Use, index: int) -> None:
        if self.use is Use.NONE or self.used:
            self.since = index
        self.use, self.used = use, False

    # --- names of runways -------------------------------------------------------------------------

    def _runway(self, index: int) -> int:
        """The word `RUNWAY`: its names follow, perhaps behind `IN USE FOR LANDING`."""
        using = self.words.at(index - 1) in ("USING", "ACTIVE")
        in_brackets = self.words.at(index - 1) == "[" and self.words.at(index + 1) == "]"
        use = Use.IN_USE if using or in_brackets else Use.NONE
        several = self.words.at(index) in _SEVERAL
        behind = index + 1
        for _ in range(MAX_FILLERS):
            word = self.words.at(behind)
            said = _use_of(word)
            if said & _FOR:
                use = (use & _FOR) | said
                self.before_name = True
            elif word in _USE:
                use |= Use.IN_USE
            elif word not in _FILLERS and word not in _RUNWAY and word not in ("AND", "&"):
                break
            behind += 1
        if not self._name(behind)[0]:
            return index + 1 if behind == index + 1 else behind
        self.open = self.open or in_brackets
        return self._mention(index, behind, use, several=several)

    def _names_without_runway(self, index: int) -> int:
        """Behind `LANDING` or `ILS`: `LANDING 26 RIGHT AND 26 LEFT`, `ILS 33L`."""
        index += self.words.at(index) == ":"
        name, behind = self._name(index)
        if not name or (len(name) == 2 and not _stands_for_a_runway(self.words, index, behind)):
            return index
        return self._mention(index - 1, index, Use.NONE)

    def _mention(self, start: int, index: int, use: Use, *, several: bool = False) -> int:
        """The names that begin at `index`, and what is said behind them."""
        names, behind = self._names(index, several=several)
        said, end = self._use_behind(behind)
        first = start - (self.words.at(start - 1) == "[")
        if use & _FOR or said & _FOR:
            use = (use | said) & _FOR
        elif self.use & _FOR:
            use = self.use & _FOR
            first = start if self.used else min(start, self.since)
        elif Use.IN_USE in use | said:
            use = Use.IN_USE
        elif Use.APPROACH in self.use | said:
            first = min(start, self.since) if self.use and not self.used else start
            use = Use.APPROACH
        elif self._is_sentence(start, behind):
            use = Use.IN_USE
        self.explains = bool(said & _FOR)
        self.used = self.used or not self.explains
        if use is not Use.NONE and not self.but and not self._is_closed(behind):
            self.found.append(Mention(use, names, self.words.quote(first, end)))
        return end

    def _is_sentence(self, start: int, behind: int) -> bool:
        """Whether the names are all that a sentence says, but for the time: `1230Z RWY27 ||`."""
        before = start - self.stop - 1
        starts = before == 0 or (before == 1 and self.words.at(start - 1)[:4].isdecimal())
        return starts and self.words.at(behind) in (",", ".", "|", ";")

    def _names(self, index: int, *, several: bool) -> tuple[tuple[str, ...], int]:
        """A list of names: each once, in the order of the text; and the word behind it."""
        name, behind = self._name(index)
        names = [name]
        while True:
            following = self._behind_and(behind)
            name, end = self._name(following)
            if not name and following > behind and self.words.at(following) in _SIDES:
                # `14L/R`, `16L AND R`
                name, end = names[-1][:2] + _SIDES[self.words.at(following)], following + 1
            if not name or (
                following == behind and not (several and _is_two_digits(self.words.at(behind)))
            ):
                return tuple(dict.fromkeys(names)), behind
            names.append(name)
            behind = end

    def _behind_and(self, index: int) -> int:
        """Where the next name of a list would stand."""
        behind = index
        while self.words.at(behind) in _AND:
            behind += 1
        if behind == index:
            return index
        kind = behind
        while self.words.at(kind) in _KIND_OF_APPROACH:
            kind += 1
        if self.words.at(kind) in _RUNWAY:
            return kind + 1
        return kind if self._name(kind)[0] else behind

    def _name(self, index: int) -> tuple[str, int]:
        """The runway's name at a word (`09`, `9`, `0 9`, `09L`, `09 LEFT`) and the word behind."""
        word = self.words.at(index)
        side = word[-1:] if word[-1:] in ("L", "R", "C") else ""
        number = word[:-1] if side else word
        if not number.isdecimal() or not number.isascii() or len(number) > 2:
            return "", index
        behind = index + 1
        following = self.words.at(behind)
        if not side and len(number) == 1 and len(following) in (1, 2):
            other = following.rstrip("LRC")
            if len(other) == 1 and other.isdecimal() and 1 <= int(number + other) <= 36:
                number, side, behind = number + other, following[1:], behind + 1
        if not 1 <= int(number) <= 36:
            return "", index
        if not side and self.words.at(behind) in _SIDES:
            side, behind = _SIDES[self.words.at(behind)], behind + 1
        return f"{int(number):02}{side}", behind

    # --- what stands behind a name ----------------------------------------------------------------

    def _use_behind(self, index: int) -> tuple[Use, int]:
        """`FOR ARRIVALS AND DEPARTURES`, `IN USE`, `APPROACH`; and the word behind it."""
        use, behind = Use.NONE, index
        if self.words.at(behind) in _APPROACH:
            return Use.APPROACH, index
        while self.words.at(behind) in ("IS", "ARE", "ALSO"):
            behind += 1
        if self.words.at(behind) in ("IN", "EN", "EM") and self.words.at(behind + 1) in _USE:
            use, behind = Use.IN_USE, behind + 2
        elif self.words.at(behind) in ("ACTIVE", "USED"):
            use, behind = Use.IN_USE, behind + 1
        else:
            behind = index
        explains = self.words.at(behind) == "FOR"
        if explains or (self.open and not self.before_name):
            end = behind + explains
            said = Use.NONE
            while True:
                more = _use_of(self.words.at(end)) & _FOR
                joins = self.words.at(end) in ("AND", "&", "/", "ALL")
                if not more and not (joins and _use_of(self.words.at(end + 1)) & _FOR):
                    break  # `FOR DEPS AND 34L FOR ARRS`
                said |= more
                end += 1
            if said:
                return said, end
        return use, behind

    def _is_closed(self, index: int) -> bool:
        for behind in range(index, index + 4):
            word = self.words.at(behind)
            if word in _CLOSED:
                return True
            if word in _STOPS or word in _RUNWAY:
                return False
        return False


def runways_in_use(words: Words, kind: str) -> RunwaysInUse:
    """The runways that an ATIS says are in use; `kind` is that of the station.

    Said of departures or arrivals beats `in use`; a runway in use without more is for both, or for
    what the station is for. Landing is also where approaches are told of, unless the runway in use
    is another one: then they circle.
    """
    found = _Reader(words).read()
    departure = _of(found, Use.DEPARTURE)
    arrival = _of(found, Use.ARRIVAL)
    in_use = _of(found, Use.IN_USE)
    approach = _of(found, Use.APPROACH)
    if departure is None and kind != "arrival":
        departure = in_use
    if arrival is None and kind != "departure":
        circles = (
            approach is not None
            and in_use is not None
            and not set(approach.runways) <= set(in_use.runways)
        )
        arrival = in_use if approach is None or circles else approach
    return RunwaysInUse(
        None if departure is None else departure.runways,
        None if arrival is None else arrival.runways,
        "" if departure is None else departure.words,
        "" if arrival is None else arrival.words,
    )


def _of(found: list[Mention], use: Use) -> Mention | None:
    """All that is said of one use, as one; None if it is nothing, or more than there can be."""
    said = [mention for mention in found if use in mention.use]
    runways = tuple(dict.fromkeys(name for mention in said for name in mention.runways))
    if not 0 < len(runways) <= MAX_RUNWAYS:
        return None
    return Mention(use, runways, "; ".join(dict.fromkeys(mention.words for mention in said)))


def _use_of(word: str) -> Use:
    if word in _DEPARTURE:
        return Use.DEPARTURE
    if word in _ARRIVAL:
        return Use.ARRIVAL
    return Use.APPROACH if word in _APPROACH else Use.NONE


def _stands_for_a_runway(words: Words, index: int, behind: int) -> bool:
    """Whether a number without `RUNWAY` and side is one: `LANDING 15`, and not `ILS 10 KNOTS`."""
    following = words.at(behind)
    return _is_two_digits(words.at(index)) and not (
        following[:1].isdecimal() or following in _UNITS
    )


def _is_two_digits(word: str) -> bool:
    return len(word.rstrip("LRC")) == 2 and word[:2].isdecimal()
