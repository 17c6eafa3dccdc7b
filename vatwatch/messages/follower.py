"""To the follower: what role its node has, and what it needs to serve what it reads."""

from __future__ import annotations

from typing import TypeAlias

from vatwatch.messages.shared import AreasChanged, CacheStarted, UseRole

ToFollower: TypeAlias = UseRole | AreasChanged | CacheStarted
