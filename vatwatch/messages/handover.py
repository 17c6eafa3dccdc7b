"""To the handover: whether this node hands its snapshots over, or takes those of others."""

from __future__ import annotations

from typing import TypeAlias

from vatwatch.messages.shared import DatabaseReturned, UseRole

ToHandover: TypeAlias = UseRole | DatabaseReturned
