"""Logs an outage of the database for the operator: one line when it begins, when its cause changes,
and when it is over."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from gevent.event import AsyncResult

from vatwatch.counting import counted
from vatwatch.errors import SupervisionError
from vatwatch.messages import GetReports, Reports
from vatwatch.messages.status import JournalStatus
from vatwatch.monitoring.outages import Outage, lasted, look
from vatwatch.supervision import Actor

# How long to wait for a number in a log line, which is also logged without it.
REPORTS_S = 2.0


class OutageLog:
    """Follows the outages of the database, for the store."""

    def __init__(self, store: Actor, log: logging.Logger) -> None:
        self._store = store
        self._log = log
        self._outage: Outage | None = None
        self._pending: AsyncResult[int] = AsyncResult()

    @property
    def since(self) -> datetime | None:
        """When the present outage began; None while everything works."""
        return None if self._outage is None else self._outage.since

    def reason(self, error: str, retry_at: datetime | None) -> str:
        """Why the store is unhealthy, as a sentence without its stop; empty without an outage."""
        if self.since is None:
            return ""
        next_try = "" if retry_at is None else f"; next try at {retry_at:%H:%M:%S} UTC"
        return f"nothing can be written since {self.since:%H:%M:%S} UTC: {error}{next_try}"

    def take(self, error: str, *, is_broken: bool = False, next_try_s: float = 0.0) -> None:
        """Note the result of the last try.

        Args:
            error: why nothing could be written, as a sentence without its stop; empty if it could
            is_broken: whether somebody must mend something; else it is only away
            next_try_s: in how many seconds the store tries again
        """
        before = self._outage
        self._outage, news = look(before, error, datetime.now(UTC))
        if news == "ends" and before is not None:
            self._store.spawn(self._tell_return, datetime.now(UTC) - before.since)
        elif news in ("begins", "changes"):
            self._log.warning(
                "%s. The API goes on; new snapshots wait in the journal%s. Next try in %.0f s.",
                error,
                " until this is mended" if is_broken else "",
                max(1.0, next_try_s),
            )

    def count_pending(self) -> None:
        """The database answers again and nothing is written yet: ask now how many snapshots wait,
        for the log line that says it is back."""
        if self._outage is not None:
            self._pending = AsyncResult()
            self._store.spawn(self._ask_pending, self._pending)

    def _ask_pending(self, answer: AsyncResult[int]) -> None:
        """Ask the journal for the number, in a greenlet, since nothing must wait for a log line."""
        pending = 0
        with suppress(SupervisionError):
            reports = self._store.address("health_monitor").ask(GetReports(), timeout_s=REPORTS_S)
            # Any other answer must cost the store no more than the number.
            found = reports.services if isinstance(reports, Reports) else {}
            journal = found.get("journal")
            if journal is not None and isinstance(journal.status, JournalStatus):
                pending = journal.status.pending
        answer.set(pending)

    def _tell_return(self, after: timedelta) -> None:
        """Log that the database is back, in a greenlet."""
        pending = self._pending.get()
        self._log.info(
            "PostgreSQL is back after %s; %s.",
            lasted(after.total_seconds()),
            counted(pending, "snapshot waited and is", "snapshots waited and are") + " written now"
            if pending
            else "nothing waits",
        )
