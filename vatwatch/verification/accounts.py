"""What happened in a day, as the truth tells it or as the rules derive it: one form for both."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

# The kinds of happenings, by the names that the truth and the API have for them.
MOVEMENTS = ("take_off", "landing", "touch_and_go")
GATE_TIMES = ("off_block", "on_block")
HAPPENINGS = (*MOVEMENTS, *GATE_TIMES)


class Stay(Struct, frozen=True):
    """Somebody was there under this callsign, from the first to the last moment."""

    cid: int
    callsign: str
    first: datetime
    last: datetime


class Happening(Struct, frozen=True):
    """One thing that an aircraft did; `owner` is the flight's number or id.

    `airport` is an ICAO code, or `off_airport`.
    """

    kind: str
    time: datetime
    cid: int
    owner: int
    airport: str = ""


class FlightAccount(Struct, frozen=True):
    """One flight: when its pilot was there, and what became of it."""

    number: int
    stays: tuple[Stay, ...]
    diverted: bool = False


class SessionAccount(Struct, frozen=True):
    """One controller's or observer's session. Times in seconds; None: not derived."""

    number: int
    stays: tuple[Stay, ...]
    connected_s: float | None = None
    controlling_s: float | None = None
    first_frequency_hz: int | None = None


class FrequencyChange(Struct, frozen=True):
    """A controller has this frequency from `time` to `until`: another one then, or he is away."""

    cid: int
    callsign: str
    time: datetime
    frequency_hz: int
    until: datetime


class LetterChange(Struct, frozen=True):
    """An ATIS has another letter from this moment on."""

    callsign: str
    time: datetime
    letter: str


class Account(Struct, frozen=True):
    """All that is told of a day."""

    flights: tuple[FlightAccount, ...] = ()
    happenings: tuple[Happening, ...] = ()
    sessions: tuple[SessionAccount, ...] = ()
    letters: tuple[LetterChange, ...] = ()
    reconnects: tuple[Happening, ...] = ()
    """Somebody is back with the same flight or session; `kind` says with which."""
    frequencies: tuple[FrequencyChange, ...] = ()
    """Each that was set; that none is set is left out."""
    stale: tuple[Stay, ...] = ()
    """From when to when a station that has left is to be listed as stale."""
    unclear: tuple[Happening, ...] = ()
    """What may be derived, and need not (the truth's): when a slewed aircraft is off block."""


class Snapshots:
    """The moments at which anything was to be seen, in order."""

    def __init__(self, times: Sequence[datetime], period_s: float) -> None:
        self.times, self.period_s = list(times), period_s

    def off_by(self, true: datetime, derived: datetime) -> int:
        """How many snapshots after the first one that could show it, it is derived."""
        return bisect_left(self.times, derived) - bisect_left(self.times, true)

    def clipped(self, stays: Sequence[Stay]) -> tuple[Stay, ...]:
        """The stays, as far as the snapshots reach."""
        first, last = self.times[0], self.times[-1]
        return tuple(
            replace(one, first=max(one.first, first), last=min(one.last, last))
            for one in stays
            if one.first <= last and one.last >= first
        )

    def shows(self, stay: Stay) -> bool:
        """Whether a snapshot falls into it."""
        return self.shows_between(stay.first, stay.last)

    def shows_between(self, first: datetime, last: datetime, *, ends: bool = True) -> bool:
        """Whether a snapshot falls between two moments; without `ends`, not at one of them."""
        if ends:
            return bisect_left(self.times, first) < bisect_right(self.times, last)
        return bisect_right(self.times, first) < bisect_left(self.times, last)

    def sees(self, time: datetime, stays: Sequence[Stay]) -> bool:
        """Whether the snapshot before the moment and the two after it show one of the stays.

        One after it is not enough: an aircraft that is a few feet higher once and then gone may as
        well have rolled over a bump.
        """
        after = bisect_left(self.times, time)
        if not 0 < after < len(self.times) - 1:
            return False
        first, last = self.times[after - 1], self.times[after + 1]
        if (last - first).total_seconds() > 2.5 * self.period_s:
            return False
        return any(one.first <= first and last <= one.last for one in stays)
