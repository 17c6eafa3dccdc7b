"""One station's ATIS versions, derived again from what is kept of them.

The rules are those of `atis.py`: each snapshot is compared with the one before it, as if all had
come in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from vatwatch.traffic.atis import atis_changes
from vatwatch.traffic.network_state import AtisVersion, NetworkState


class KeptAtis(Struct):
    """A version: it was on the air from its `first_seen` until before `gone_at`, or still is."""

    version: AtisVersion
    gone_at: datetime | None = None
    last_seen: datetime | None = None
    """The last snapshot with it, if it is gone."""

    def shows(self, time: datetime) -> bool:
        """Whether the snapshot of `time` shows it."""
        return self.version.first_seen <= time and (self.gone_at is None or time < self.gone_at)


class DerivedAtis(Struct):
    """The versions of a station, in order, and the kept one that follows them as it is."""

    versions: list[KeptAtis] = []
    next_one: AtisVersion | None = None


def derive_atis(
    kept: Sequence[KeptAtis],
    snapshots: Iterable[datetime],
    touched_until: datetime,
    *,
    begins_anew: bool,
) -> DerivedAtis:
    """The versions of one station, up to the first one that is as it was.

    Args:
        kept: its rows, in order: the one before the first that was touched, and all that follow
        snapshots: the times of all snapshots from the first row on, in order
        touched_until: when the last row begins that was touched
        begins_anew: whether nothing was known of the station before the first row; else that row
            begins as it did
    """
    derived = DerivedAtis()
    state = NetworkState()
    for time in snapshots:
        row = next((one for one in kept if one.shows(time)), None)
        if row is kept[0] and state.time is None and not begins_anew:
            derived.versions.append(KeptAtis(row.version))
            state = NetworkState(time=time, atis={row.version.atis.callsign: row.version})
            continue
        changes = atis_changes(state, [] if row is None else [row.version.atis], time)
        if changes.closed:
            gone = derived.versions[-1]
            gone.gone_at, gone.last_seen = time, state.time
        for version in changes.opened:
            if row is not None and time > touched_until and version == row.version:
                return DerivedAtis(derived.versions, row.version)
            derived.versions.append(KeptAtis(version))
        state = NetworkState(
            time=time,
            atis={one.atis.callsign: one for one in changes.present},
            stale_atis=changes.stale,
        )
    return derived
