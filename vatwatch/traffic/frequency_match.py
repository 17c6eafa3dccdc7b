"""Contacts as rows: what `frequency_matches` keeps of each, and which ones are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from vatwatch.traffic.network_state import LastingContact
from vatwatch.traffic.radio_channels import HF_OF_ALIAS, channel_hz
from vatwatch.wildcards import fits

MatchKey: TypeAlias = tuple[datetime, int, int, int]
"""What makes the order of a list: start, flight id, session id, and frequency in Hz."""


class FrequencyMatch(Struct, frozen=True, gc=False):
    """A flight that was, or is, in contact with a station. Ids are texts, as JavaScript's numbers
    end at 2^53."""

    callsign: str
    flight_id: str
    station: str
    session_id: str
    frequency_hz: int
    facility: int | None
    """The feed's number, as it was when the contact began."""
    start: datetime
    """The first snapshot that shows it."""
    end: datetime | None
    """The last one; None while it lasts."""
    closest_nm: float
    placed_by: str
    """Where the station was taken to be: at its `radios`, or at its `airport`."""
    cid: int
    station_cid: int
    derive_again: bool
    """Whether a snapshot that came late has touched the flight or the session."""

    @property
    def key(self) -> MatchKey:
        """Its place in lists."""
        return (self.start, int(self.flight_id), int(self.session_id), self.frequency_hz)


class MatchPage(Struct, frozen=True):
    """Some of the matches that are wanted, in order, and how many there are in all."""

    total: int
    matches: tuple[FrequencyMatch, ...]


@dataclass(frozen=True, slots=True)
class MatchFilter:
    """Which matches are wanted; empty fields match all."""

    callsign: str = ""
    """The pilot's or the station's, in any case; or a pattern (`wildcards.py`)."""
    cid: int | None = None
    """The pilot's or the controller's."""
    channel_hz: int | None = None
    """As of `radio_channels.channel_hz`."""
    since: datetime | None = None
    """Those that went on at this time, or began later."""
    until: datetime | None = None
    """Those that began before this time."""

    @property
    def names_hz(self) -> tuple[int, ...]:
        """The frequencies in rows that are on the channel that is wanted."""
        if self.channel_hz is None:
            return ()
        aliases = [alias for alias, hf in HF_OF_ALIAS.items() if hf == self.channel_hz]
        return (self.channel_hz, *aliases)

    def wants(self, lasting: LastingContact, now: datetime) -> bool:
        """Whether a contact that lasts, up to `now` at least, is wanted."""
        callsigns = (lasting.callsign, lasting.station)
        return (
            (not self.callsign or any(fits(self.callsign, one) for one in callsigns))
            and (self.cid is None or self.cid in (lasting.cid, lasting.station_cid))
            and (self.channel_hz is None or channel_hz(lasting.frequency_hz) == self.channel_hz)
            and (self.since is None or now >= self.since)
            and (self.until is None or lasting.since < self.until)
        )
