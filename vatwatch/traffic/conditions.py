"""What is wrong with the feed's content, for as long as it is wrong.

`observe` is a pure step from one snapshot to the next: it takes what was usual so far and what the
snapshot holds, and gives what is usual now, and the conditions that hold.

*Far fewer pilots than usual.* From one update to the next 1 to 4 pilots of 950 leave, and in the
steepest evening hours about a fifth an hour. The usual number follows the number of pilots with
half an hour's memory, so it is at most a tenth above the number when people just go home. A
third fewer than usual is therefore a fault upstream, or a cut of a whole region; others use a fall
by 400 pilots in one poll, which a small network can never reach and a large one reaches too easily.
In a small network a third may well go home at once: so it must be 20 pilots too.

The condition ends when the number is no longer far below the usual one, or when it has lasted for
two hours: then the low number is the usual one. While it holds the usual number does not follow.

*No pilots at all* is never usual: it is told for as long as there are none. Pilots are counted as
they are sent, before filters, and those that cannot be read are not counted here: that is a
condition of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from vatwatch.counting import counted
from vatwatch.feed.decode import Tally

FEWER_SHARE = 1 / 3
FEWER_FLOOR = 20
MEMORY = timedelta(minutes=30)
ACCEPT_AFTER = timedelta(hours=2)
# More than the network can ever have; only a broken file says so.
MOST_PILOTS = 1_000_000

Aware = Annotated[datetime, Meta(tz=True)]

# What the kinds are called in a sentence.
_KINDS = {
    "pilot": "pilots",
    "controller": "controllers",
    "atis": "ATIS stations",
    "prefile": "prefiles",
    "radios": "clients' radios",
}
# Without a list of these the feed is not what it was; old feeds may lack others.
_NEEDED = ("pilot", "controller")


class Usual(Struct, frozen=True):
    """What was seen so far: how many pilots there usually are, and since when far fewer.

    Read from a file, it is checked: nothing in it can make `observe` fail.
    """

    time: Aware | None = None
    pilots: Annotated[float, Meta(ge=0, le=MOST_PILOTS)] | None = None
    fewer_since: Aware | None = None


class TrafficConditions(Struct, frozen=True):
    """What is usual now, and the conditions that hold, each a sentence; none if all is well."""

    usual: Usual
    conditions: tuple[str, ...]
    fewer_pilots: str = ""
    """The one of them that says that there are far fewer pilots than usual, or none."""


def observe(
    usual: Usual, time: datetime, tallies: Mapping[str, Tally], radios_error: str = ""
) -> TrafficConditions:
    """Take one more snapshot into account.

    Args:
        usual: of the observation before; `Usual()` at the start
        time: the snapshot's
        tallies: of each kind of record that the feed has a list of, how many were sent and read
        radios_error: why the radios feed could not be read; empty if it was, or was not fetched
    """
    told = list(_unread(tallies))
    if radios_error:
        told.append(f"the radios feed cannot be read: {radios_error}")
    pilots, fewer = tallies.get("pilot"), ""
    if pilots is not None:
        usual, fewer = _pilots(usual, time, pilots.sent)
        if fewer:
            told.insert(0, fewer)
    return TrafficConditions(usual, tuple(told), fewer)


def _pilots(usual: Usual, time: datetime, now: int) -> tuple[Usual, str]:
    if usual.time is None or usual.pilots is None or not timedelta() <= time - usual.time <= MEMORY:
        # The first, another source, or one after so long a gap that anything may have changed.
        usual = Usual(time, float(now))
    was = usual.pilots or 0.0
    if now == 0:
        since = usual.fewer_since or time
        return Usual(time, usual.pilots, since), "no pilots at all: a fault upstream"
    lasted = timedelta() if usual.fewer_since is None else time - usual.fewer_since
    if was - now < max(was * FEWER_SHARE, FEWER_FLOOR):
        return Usual(time, _followed(usual, time, now)), ""
    if lasted >= ACCEPT_AFTER:
        return Usual(time, float(now)), ""
    return (
        Usual(time, was, usual.fewer_since or time),
        f"{counted(now, 'pilot')}, far fewer than the usual {round(was)}: a fault upstream",
    )


def _followed(usual: Usual, time: datetime, now: int) -> float:
    assert usual.time is not None
    was = usual.pilots or 0.0
    if now >= was:
        return float(now)  # more than usual is fine; the next fall is measured from there
    share = 1 - math.exp(-(time - usual.time) / MEMORY)
    return was + (now - was) * share


def _unread(tallies: Mapping[str, Tally]) -> list[str]:
    told = [f"the feed has no list of {_KINDS[kind]}" for kind in _NEEDED if kind not in tallies]
    for kind, tally in tallies.items():
        if tally.sent and not tally.read:
            told.append(f"none of {tally.sent} {_KINDS[kind]} can be read")
        elif 2 * tally.read < tally.sent:
            told.append(f"{tally.sent - tally.read} of {tally.sent} {_KINDS[kind]} cannot be read")
    return told
