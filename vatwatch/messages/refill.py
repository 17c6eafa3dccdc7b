"""To the refill: the database is back, perhaps another one."""

from __future__ import annotations

from typing import TypeAlias

from vatwatch.messages.shared import DatabaseReturned

ToRefill: TypeAlias = DatabaseReturned
