"""To the actor `areas`: only what is sent to everybody."""

from __future__ import annotations

from typing import TypeAlias

from vatwatch.messages.shared import SettingsChanged

ToAreas: TypeAlias = SettingsChanged
