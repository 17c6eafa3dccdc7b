"""Keeps what is known of the flights that the filters have never let through, for a restart.

They have no rows, and what they do is derived all the same, as they may enter the boundary later.
So with filters one row has all of them as of the newest snapshot, written in its transaction; it
is replaced with the next one. That costs two thousand flights some 200 kB a snapshot, and nothing
without filters.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import zstandard

from vatwatch.traffic.network_state import NetworkState, OutsideFilters

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

log = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(OutsideFilters)


def write_outside(cur: cursor, time: datetime, outside: OutsideFilters | None) -> None:
    """Write those of this snapshot; it must be the newest. None: there are no filters."""
    if outside is None:
        return
    cur.execute(
        """INSERT INTO outside_filters (time, flights) VALUES (%s, %s)
           ON CONFLICT (only_row) DO UPDATE SET time = excluded.time, flights = excluded.flights""",
        (time, zstandard.compress(_encoder.encode(outside), 1)),
    )


def with_outside(cur: cursor, state: NetworkState) -> NetworkState:
    """The state, and in it those that the filters have never let through, if they are known of
    exactly this snapshot."""
    cur.execute("SELECT flights FROM outside_filters WHERE time = %s", (state.time,))
    row = cur.fetchone()
    if row is None:
        return state
    try:
        outside = _decoder.decode(zstandard.decompress(row[0]))
    except (msgspec.DecodeError, zstandard.ZstdError) as error:
        log.warning(
            "What flights outside the filters did before cannot be read, and begins anew: %s", error
        )
        return state
    return outside.added_to(state)
