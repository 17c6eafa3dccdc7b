"""What every service has: a report to the health monitor, and a way to the event bus."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from msgspec import Struct

from vatwatch.messages import Health, Publish, ServiceReport
from vatwatch.operations.status import Status
from vatwatch.supervision import Actor, Tell
from vatwatch.traffic.events import Event, check_event


class Service(Actor):
    """An actor with a name that people ask about."""

    def report(self, health: Health, reason: str, status: Status) -> None:
        """Tell the health monitor how this service is."""
        self.send("health_monitor", ServiceReport(self.name, health, reason, status))

    def is_own_report(self, message: Tell) -> bool:
        """Whether it is a report of this service, which whoever tells of dead letters must know."""
        return isinstance(message, ServiceReport) and message.service == self.name

    def publish(self, kind: str, payload: Struct, *, correlation_id: str = "") -> None:
        """Publish one event of this service, now.

        Raises:
            EventRefused: it does not fit its type's schema, which is a bug
        """
        event = Event(uuid4(), kind, datetime.now(UTC), self.name, correlation_id, payload)
        check_event(event)
        self.send("event_bus", Publish((event,)))

    def send(self, name: str, message: Tell) -> None:
        """Tell another service; waits for room in its mailbox, as its policy says."""
        self.address(name).tell(message)
