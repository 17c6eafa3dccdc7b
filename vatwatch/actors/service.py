"""The base of every service: it reports to the health monitor and publishes events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from msgspec import Struct, structs

from vatwatch.actors.blame import is_to_blame
from vatwatch.events.event import Event, check_event
from vatwatch.feed import correlation
from vatwatch.messages import Publish, ServiceReport, SnapshotFailed
from vatwatch.messages.status import Status
from vatwatch.monitoring.counters import Totals
from vatwatch.monitoring.health import Health
from vatwatch.redaction import storable
from vatwatch.supervision import Actor, FailureHandled, RemedyName, Tell
from vatwatch.supervision.failures import describe_error

log = logging.getLogger(__name__)

Counting = TypeVar("Counting", bound=Struct)


class Service(Actor):
    """An actor that reports its health under a name."""

    _totals: Totals | None = None
    _last_report: ServiceReport | None = None

    def report(self, health: Health, reason: str, status: Status) -> None:
        """Report the health of this service to the health monitor. What it is told is public.

        Its counters are those since the start of the whole, whatever this incarnation has counted.
        """
        status = self.with_totals(status)
        self._last_report = ServiceReport(self.name, health, storable(reason), _storable(status))
        self.send("health_monitor", self._last_report)

    def on_probe(self) -> None:
        """Report again: a health monitor that was restarted may not have the report."""
        if self._last_report is not None:
            self.send("health_monitor", self._last_report)

    def describe(self, tell: Callable[[], None]) -> None:
        """Call `tell`, which only reports or logs.

        Whatever it raises is a bug and becomes an error record. It must not change the result of
        the work that it reports: bytes that were kept stay kept, and their sender gets that answer.
        """
        try:
            tell()
        except Exception as error:  # noqa: BLE001 - as above; the work is done, and matters more
            self.report_failure("describe", error)

    def with_totals(self, status: Counting) -> Counting:
        """The status, with the counts of earlier incarnations added."""
        if self._totals is None:
            self._totals = self.lasting(Totals)
            self._totals.begin()
        return self._totals.over(status)

    def is_own_report(self, message: Tell) -> bool:
        """Whether it is a report of this service: reporting its loss would cause another one."""
        return isinstance(message, ServiceReport) and message.service == self.name

    def publish(self, kind: str, payload: Struct, *, correlation_id: str = "") -> None:
        """Publish one event of this service, now. `correlation_id`: the snapshot's
        `update_timestamp`, as the feed sent it.

        Raises:
            EventRefused: it does not fit its type's schema, which is a bug
        """
        event = new_event(self.name, kind, payload, correlation_id)
        self.send("event_bus", Publish((event,), checked=True))

    def report_failure(
        self,
        operation: str,
        error: BaseException,
        *,
        correlation_id: str = "",
        remedy: RemedyName = "degrade",
    ) -> None:
        """Have the error manager keep a failure that this service has handled itself.

        For failures that are not crashes and still must be known: a quarantined snapshot, an
        unreadable file. Never waits, and never fails. `correlation_id` is the snapshot's, if one is
        concerned; `remedy` is what was done about it.
        """
        self.notify(
            FailureHandled(
                path=self.path,
                operation=operation,
                correlation_id=correlation.correlation_id(correlation_id),
                tried=(remedy,),
                recovered=True,
                elapsed_s=0.0,
                **describe_error(error),
            )
        )

    def snapshot_failed(
        self, entry_id: int, operation: str, error: Exception, *, correlation_id: str = ""
    ) -> None:
        """Count a failure against the journal entry that caused it, when this service continues."""
        log.error(
            "The %s failed on snapshot %d (%s).", self.name, entry_id, operation, exc_info=error
        )
        self.report_failure(operation, error, correlation_id=correlation_id)
        self.send("journal", SnapshotFailed(entry_id, self.name, repr(error)))

    def blame_if_at_fault(self, entry_id: int | None, error: BaseException) -> None:
        """For `on_crash`: count the end of this actor against the entry that it was working on."""
        if entry_id is not None and is_to_blame(error, self.ended_by):
            self.send("journal", SnapshotFailed(entry_id, self.name, repr(error)))

    def send(self, name: str, message: Tell) -> None:
        """Tell another service; waits for room in its mailbox, as its policy says."""
        self.address(name).tell(message)


def new_event(source: str, kind: str, payload: Struct, correlation_id: str = "") -> Event:
    """An event of the service `source`, of now; see `Service.publish`."""
    about = correlation.correlation_id(correlation_id)
    event = Event(uuid4(), kind, datetime.now(UTC), source, about, payload)
    check_event(event)
    return event


def _storable(status: Status) -> Status:
    """The status with secrets masked in its texts, such as the last error of a library."""
    texts = {
        name: shown
        for name in status.__struct_fields__
        if isinstance(text := getattr(status, name), str) and (shown := storable(text)) != text
    }
    return structs.replace(status, **texts) if texts else status
