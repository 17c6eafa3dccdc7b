"""To postgres: the embedded cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vatwatch.supervision import Ask


@dataclass(frozen=True, slots=True)
class GetDsn(Ask[str]):
    """store, history, keys, subscriptions, handover, refill → postgres: where the embedded cluster
    listens."""


ToPostgres: TypeAlias = GetDsn
