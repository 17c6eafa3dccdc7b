"""ATIS stations: versions, the letter that listeners have, and stations that have left.

- A record that differs in more than its times is another *version*. Rows keep each letter as it was
  sent.
- The feed's letter comes and goes within minutes, as programs change it and the text at different
  moments. The derived *letter* keeps the old one while the feed has another or none for less than
  two minutes; then it is the feed's. Where the feed sends none, the letter in the text counts.
- A station that has left is listed as *stale* for a while, as its text is the last that is known of
  the field; it is no station on the air, and is not counted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import Atis
from vatwatch.feed.unread import NOBODY, Unread
from vatwatch.traffic.atis_text import read_atis
from vatwatch.traffic.changes import AtisChanges
from vatwatch.traffic.identity import stable_id
from vatwatch.traffic.network_state import AtisVersion, NetworkState
from vatwatch.traffic.presence import Known, still_there
from vatwatch.traffic.thresholds import threshold

LETTER_STEADY_S = threshold(
    120,
    "s",
    "Letters were seen to come and go within minutes, and a real change is older than two minutes "
    "when a pilot asks for it.",
    "QuteScoop, issue 328",
)
STALE_HOURS = threshold(
    3,
    "h",
    "Reports come every half hour or hour; six later ones say that this one is of no use.",
    "VATSIM Radar, issue 994",
)


def atis_changes(
    before: NetworkState, stations: list[Atis], time: datetime, unread: Unread = NOBODY
) -> AtisChanges:
    """Compare the ATIS stations of a snapshot with the versions that are known."""
    now: list[AtisVersion] = []
    opened: list[AtisVersion] = []
    for atis in stations:
        known = before.atis.get(atis.callsign)
        if known is not None and _same_atis(known.atis, atis):
            version = replace(known, atis=atis)
        else:
            version = _new_version(before, known, atis, time)
            opened.append(version)
        now.append(version)
    if unread != NOBODY:
        shown = {atis.callsign for atis in stations}
        missing = [version for sign, version in before.atis.items() if sign not in shown]
        now += still_there(missing, unread, shown, key=_of_station)
    lasting = {version.atis_id for version in now}
    closed = [v.atis_id for v in before.atis.values() if v.atis_id not in lasting]
    there = {version.atis.callsign for version in now}
    return AtisChanges(now, opened, closed, _stale(before, there, time))


def _same_atis(one: Atis, other: Atis) -> bool:
    """Whether two records are one version; times say nothing about that."""
    return replace(one, last_updated="", logon_time="") == replace(
        other, last_updated="", logon_time=""
    )


def _new_version(
    before: NetworkState, known: AtisVersion | None, atis: Atis, time: datetime
) -> AtisVersion:
    version = first_version(
        stable_id("atis", atis.callsign, time.isoformat()), atis, first_seen=time
    )
    former = before.stale_atis.get(atis.callsign) if known is None else known
    if former is None:
        return version
    then = former.last_seen or before.time or time
    if time - then >= timedelta(seconds=LETTER_STEADY_S):
        return version
    kept, sent = letter_at(former, then), version.letter
    if kept is None or kept == sent:
        return version
    differed = former.other_since is not None and sent_letter(former) != kept
    other_since = former.other_since if differed else time
    if other_since is None or _is_steady(other_since, time):
        return version
    return replace(version, letter=kept, other_since=other_since)


def first_version(atis_id: int, atis: Atis, *, first_seen: datetime) -> AtisVersion:
    """A version of a station of which nothing was known before: its letter is the one it sends."""
    version = AtisVersion(atis_id, atis, first_seen, read_atis(atis.callsign, atis.text_atis))
    return replace(version, letter=sent_letter(version))


def sent_letter(version: AtisVersion) -> str | None:
    """The letter that a version has: the one that was sent with it, or else that in its text."""
    sent = (version.atis.atis_code or "").strip().upper()
    return sent or version.said.letter


def letter_at(version: AtisVersion, time: datetime) -> str | None:
    """The letter that listeners have at a time within the version."""
    if version.other_since is None or not _is_steady(version.other_since, time):
        return version.letter
    return sent_letter(version)


def _is_steady(since: datetime, time: datetime) -> bool:
    return time - since >= timedelta(seconds=LETTER_STEADY_S)


def _stale(before: NetworkState, there: set[str], time: datetime) -> dict[str, AtisVersion]:
    """The last versions of the stations that have left, by callsign."""
    left = {
        callsign: replace(version, last_seen=before.time)
        for callsign, version in before.atis.items()
        if callsign not in there
    }
    return {
        callsign: version
        for callsign, version in (before.stale_atis | left).items()
        if callsign not in there and is_stale(version, time)
    }


def is_stale(version: AtisVersion, time: datetime) -> bool:
    """Whether a version that has left is still to be listed."""
    return version.last_seen is not None and time - version.last_seen <= timedelta(
        hours=STALE_HOURS
    )


def _of_station(version: AtisVersion) -> Known:
    return Known(version.atis.cid, version.atis.callsign, version.atis.last_updated)
