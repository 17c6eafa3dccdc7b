"""Records that are set aside."""

from __future__ import annotations

from msgspec import Struct


class Quarantined(Struct, frozen=True, gc=False):
    """A record of a feed that cannot be used, and why; its JSON is cut at 4,096 characters."""

    kind: str
    callsign: str
    reason: str
    record: str
