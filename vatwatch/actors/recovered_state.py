"""What the store answers to the processor's question for the network state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vatwatch.messages import Recovered
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.snapshot_times import is_newer_stored

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import connection

    from vatwatch.traffic.network_state import Rules


def recovered_state(conn: connection, rules: Rules, time: datetime | None) -> Recovered:
    """As of this time, or of now. For a native thread; raises psycopg2.Error as it comes."""
    state, stored = read_network_state(conn, rules, time)
    return Recovered(state, stored, is_late=time is not None and is_newer_stored(conn, time))
