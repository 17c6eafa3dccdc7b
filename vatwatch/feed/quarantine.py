"""Records that are quarantined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from vatwatch.feed.values import storable

# Characters of a record that are kept. The longest record of 38,571 pilots has some 2,500.
RECORD_LIMIT = 4096
# Records of one snapshot that are kept. Without a limit, an unreadable update would be written
# completely, four times a minute. These are enough to see what is wrong; all are counted.
SNAPSHOT_LIMIT = 100


class Quarantined(Struct, frozen=True, gc=False):
    """A record of a feed that cannot be used, and why; its JSON is cut at 4,096 characters."""

    kind: str
    callsign: str
    reason: str
    record: str


class Quarantine:
    """The records of one snapshot that are quarantined: all counted, the first hundred kept.

    Without `keep_names` nothing of a record is kept but the fields that could be read, less its
    name. A search in its text would miss names that are lists, or in a record that is not JSON.
    """

    def __init__(self, *, keep_names: bool) -> None:
        self._keep_names = keep_names
        self._records: list[Quarantined] = []
        self.count = 0

    @property
    def records(self) -> tuple[Quarantined, ...]:
        """The records that are kept, at most `SNAPSHOT_LIMIT`."""
        return tuple(self._records)

    def add(
        self, kind: str, callsign: str, reason: str, raw: bytes, readable: Mapping[str, Any]
    ) -> None:
        """Quarantine a record. `raw` is the whole record, `readable` has its readable values by
        field."""
        self.count += 1
        if len(self._records) >= SNAPSHOT_LIMIT:
            return
        if self._keep_names:
            text = raw[: 4 * RECORD_LIMIT].decode(errors="replace")
        else:
            text = msgspec.json.encode(_nameless(readable)).decode()
        record = Quarantined(kind, storable(callsign), reason, storable(text)[:RECORD_LIMIT])
        self._records.append(record)


def _nameless(readable: Mapping[str, Any]) -> dict[str, Any]:
    # A list or an object that is read later, or not at all, can contain anything.
    return {
        name: value
        for name, value in readable.items()
        if name != "name" and not isinstance(value, list | dict)
    }
