"""To the subscribers of the event bus."""

from __future__ import annotations

from dataclasses import dataclass

from vatwatch.events.event import Event
from vatwatch.supervision import Ask


@dataclass(frozen=True, slots=True)
class Delivered(Ask[None]):
    """event_bus → alerter, error_manager, health_monitor, resource_monitor: this happened.

    Handled when answered. It may come again, and what does not come must not matter.
    """

    event: Event

    @property
    def correlation_id(self) -> str:
        """The event's."""
        return self.event.correlation_id
