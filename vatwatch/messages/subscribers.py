"""To the subscribers of the event bus."""

from __future__ import annotations

from dataclasses import dataclass

from vatwatch.events.event import Event
from vatwatch.supervision import Ask


@dataclass(frozen=True, slots=True)
class Delivered(Ask[None]):
    """event_bus → alerter, error_manager, health_monitor, resource_monitor: this happened.

    It counts as handled when it is answered. The same event may come again, and a handler must not
    depend on getting every event.
    """

    event: Event

    @property
    def correlation_id(self) -> str:
        """The event's."""
        return self.event.correlation_id
