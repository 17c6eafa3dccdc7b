"""Error manager: receives every failure, classifies it (category, severity), and keeps it.

Receives  SupervisionNoticed, Delivered, FlushErrors, LookAtBreakers, ErrorsLoaded, ErrorsStored,
          StoreStarted, GetErrors, GetErrorAnalytics, GetErrorRecovery, GetErrorTrends,
          SettingsChanged
Asks      history FindErrors, at its start, from a greenlet of its own
Sends     StoreErrors to store, Publish (ERROR_OCCURRED, SERVICE_RECOVERED of breakers,
          SERVICE_STARTED, SERVICE_STOPPED) to event_bus, ServiceReport
Subscribed to SERVICE_RECOVERED: what fails again after it is an error of its own
Holds     statistics, the latest errors, the failures whose restart is under way, what is not in
          the table yet, and the breakers that are open; of both there is a copy in a file
Restart   costs nothing but the counts of this process: errors and statistics are read from the
          table and the file again
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias, assert_never

import gevent
from msgspec.structs import replace

from vatwatch.actors import error_findings as findings
from vatwatch.actors.error_backlog import ErrorBacklog
from vatwatch.actors.error_findings import Finding
from vatwatch.actors.error_log import ErrorLog, tell_breaker
from vatwatch.actors.error_memory import RECENT, ErrorMemory
from vatwatch.actors.notices import started_or_stopped
from vatwatch.actors.opened_breakers import OpenedBreakers
from vatwatch.actors.owed_answer import OwedAnswer
from vatwatch.actors.service import Service
from vatwatch.config.errors import ErrorSettings
from vatwatch.errors import StorageError, SupervisionError
from vatwatch.events.event import Event
from vatwatch.events.payloads import RecoveryPayload, ServicePayload
from vatwatch.messages import (
    Delivered,
    ErrorsStored,
    FindErrors,
    GetErrorAnalytics,
    GetErrorRecovery,
    GetErrors,
    GetErrorTrends,
    SettingsChanged,
    StoreErrors,
    StoreStarted,
    SupervisionNoticed,
)
from vatwatch.messages.error_manager import ToErrorManager
from vatwatch.messages.status import ErrorStatus
from vatwatch.monitoring.error_folding import ErrorFolder
from vatwatch.monitoring.errors import ErrorFilter, ErrorRecord
from vatwatch.monitoring.health import Health
from vatwatch.supervision import (
    AskFailed,
    BreakerChanged,
    BreakerState,
    ChildFailed,
    ChildOnStandby,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    CrashHookFailed,
    DeadLettered,
    Escalated,
    FailureHandled,
    HandOverDiscarded,
    Notice,
    Tell,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FlushErrors(Tell):
    """Send the folded errors on."""


@dataclass(frozen=True, slots=True)
class LookAtBreakers(Tell):
    """See whether those work that were open in the process before."""


@dataclass(frozen=True, slots=True)
class ErrorsLoaded(Tell):
    """The table's errors, the newest first."""

    records: tuple[ErrorRecord, ...]


Received: TypeAlias = ToErrorManager | FlushErrors | LookAtBreakers | ErrorsLoaded

# Errors are sent on this long after the first; repeats within this time are one record.
FOLD_S = 1.0
# A restart that takes longer is reported as not finished.
RESTART_S = 60.0
LOAD_TIMEOUT_S = 60.0
RELOAD_S = 15.0
# Between two looks at breakers; a recovery may be told a few seconds late.
LOOK_S = 2.0
OFF = "The error manager is off (ERROR_MANAGER_ENABLED=false): errors are logged, and not kept."


class ErrorManagerActor(Service):
    """Receives every failure in the tree; keeps, counts and publishes it."""

    def __init__(
        self,
        settings: ErrorSettings,
        *,
        outbox: Path | None = None,
        breakers: Path | None = None,
    ) -> None:
        """If not `enabled`, it only logs: no statistics, rows or events of errors.

        `outbox`: the file with a copy of what is not in the table yet; `breakers`: the file with
        the open breakers.
        """
        super().__init__()
        self._enabled = settings.enabled
        self._memory = ErrorMemory(timedelta(hours=settings.retention_hours))
        self._folder = ErrorFolder()
        self._log = ErrorLog()
        self._restarting: dict[str, tuple[ErrorRecord, float]] = {}
        self._opened = OpenedBreakers(breakers)
        self._backlog = ErrorBacklog(outbox if settings.enabled else None)
        self._owed = OwedAnswer[StoreErrors]()
        self._flush_due = False
        self._failures = self._restarts = self._dead_letters = self._unsent = 0
        self._unexpected = 0
        self._last_failure = ""
        self._last_failure_at: datetime | None = None

    def on_start(self) -> None:
        if self._enabled:
            self._memory.read(self._backlog.load())
            self.spawn(self._load)
            self._flush()
        self._opened.load()
        self._look_at_breakers()
        self._report()

    def on_stop(self) -> None:
        self._put_away()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._put_away()

    def on_receive(self, message: Received) -> Any:
        match message:
            case SupervisionNoticed(notice):
                self._notice(notice)
            case Delivered(event):
                self._hear(event)
            case FlushErrors():
                self._flush_due = False
                self._flush()
            case LookAtBreakers():
                self._look_at_breakers()
            case ErrorsLoaded(records):
                self._memory.take_over(records, self._backlog)
                self._report()
            case ErrorsStored(written):
                self._stored(written)
            case StoreStarted():
                self._owed.give_up()
                self._flush()
            case GetErrors(wanted, limit, after):
                return self._memory.find(wanted, limit, after)
            case GetErrorAnalytics(window):
                return self._memory.statistics.analytics(datetime.now(UTC), window)
            case GetErrorRecovery(window):
                return self._memory.statistics.recovery(datetime.now(UTC), window)
            case GetErrorTrends():
                return self._memory.statistics.trends(datetime.now(UTC))
            case SettingsChanged():
                self._memory.keep_for(timedelta(hours=message.settings.errors.retention_hours))
            case _:
                assert_never(message)
        return None

    def send(self, name: str, message: Tell) -> None:
        """Never wait: this actor hears of others that hang with a full mailbox."""
        if not self.address(name).offer(message):
            self._unsent += 1

    # --- what is heard -----------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        now = datetime.now(UTC)
        match notice:
            case ChildStarted(path):
                self._restarted(path, worked=True)
                self.publish(*started_or_stopped(notice))
            case ChildStopped():
                self.publish(*started_or_stopped(notice))
            case ChildOnStandby(path):
                log.info("%s is on standby.", path)
            case ChildFailed(path=path):
                self._restarted(path, worked=False)
                self._note(findings.of_failure(notice, now))
            case AskFailed():
                self._note(findings.of_question(notice, now))
            case CrashHookFailed():
                self._note(findings.of_crash_hook(notice, now))
            case HandOverDiscarded(path):
                log.warning(
                    "%s failed again and starts with an empty memory.",
                    path,
                )
            case FailureHandled():
                self._note(findings.of_handled(notice, now))
            case ChildRestarting(path, attempt, delay_s):
                self._restarts += 1
                log.info("%s will be restarted in %.2f s (attempt %d).", path, delay_s, attempt + 1)
            case Escalated(path=path):
                self._restarted(path, worked=False)
                self._note(findings.of_escalation(notice, now))
            case BreakerChanged():
                self._breaker_changed(notice, now)
            case DeadLettered():
                self._undelivered(notice, now)
                return  # reporting such a failure might cause the next one
            case _:
                assert_never(notice)
        self._report()

    def _hear(self, event: Event) -> None:
        """A part works again: its next failure is a new outage."""
        if isinstance(event.payload, RecoveryPayload):
            self._folder.close(event.payload.path.rpartition("/")[2])

    def _undelivered(self, notice: DeadLettered, now: datetime) -> None:
        self._dead_letters += 1
        # The message in hand at a failure is part of that failure, and an actor that stops needs no
        # more messages.
        if notice.reason in ("in hand", "injected") or self.tree_is_stopping:
            return
        if isinstance(notice.message, StoreErrors) or self.is_own_report(notice.message):
            return  # these events are about errors, and would cause another one each time
        self._note(findings.of_dead_letter(notice, now))

    def _breaker_changed(self, notice: BreakerChanged, now: datetime) -> None:
        """A closed breaker means that its trial succeeded."""
        tell_breaker(notice)
        if notice.before is BreakerState.CLOSED:
            self._opened.open(notice, now)
            if notice.kind == "child":
                self._restarted(notice.name, worked=False)
            self._note(findings.of_opened_breaker(notice, now))
            return
        worked = notice.after is BreakerState.CLOSED
        if notice.before is BreakerState.HALF_OPEN:
            open_s = (now - (self._opened.since(notice.name) or now)).total_seconds()
            self._memory.statistics.add_recovery("breaker", now, worked, open_s)
        if worked:
            recovery = self._opened.close(notice.name, findings.breaker_path(notice), now)
            self.publish("SERVICE_RECOVERED", recovery)

    def _look_at_breakers(self) -> None:
        now = datetime.now(UTC)
        for recovery in self._opened.proven(self.breakers(), self.node_info, now):
            self.publish("SERVICE_RECOVERED", recovery)
        if self._opened.waits_for_proof:
            self.after(LOOK_S, LookAtBreakers())

    # --- what is made of it ------------------------------------------------------------------

    def _note(self, finding: Finding) -> None:
        """Log it, and keep it until the next flush or until the restart is over."""
        record = finding.record
        self._failures += 1
        self._unexpected += not finding.weather
        self._last_failure = f"{finding.where}: {finding.why}".removesuffix(": ")
        self._last_failure_at = record.time
        new = self._log.tell(finding)
        if not self._enabled:
            return
        if finding.restarts:
            record = replace(record, recovery="restart")
            self._restarting[record.path] = (record, monotonic())
        else:
            self._folder.fold(record, weather=finding.weather)
        if new and finding.publish:
            payload = ServicePayload(
                record.path, finding.where, finding.why, category=record.category
            )
            self.publish("ERROR_OCCURRED", payload)
        self._flush_later()

    def _restarted(self, path: str, *, worked: bool) -> None:
        """The restart that followed a failure is over."""
        found = self._restarting.pop(path, None)
        if found is not None:
            record, failed_at = found
            recovery_s = monotonic() - failed_at
            self._folder.fold(replace(record, recovered=worked, recovery_s=recovery_s))

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self.after(FOLD_S, FlushErrors())

    def _flush(self) -> None:
        now = monotonic()
        for path, (record, failed_at) in [*self._restarting.items()]:
            if now - failed_at > RESTART_S:
                del self._restarting[path]
                self._folder.fold(record)
        self._take_folded()
        self._send_next()
        if self._restarting or self._backlog:
            self._flush_later()
        self._report()

    def _take_folded(self) -> None:
        folded = self._folder.take()
        for each in folded:
            self._memory.add(each)
        self._backlog.add([each.record for each in folded])

    def _send_next(self) -> None:
        """Send the store what the table lacks, unless the store still owes an answer."""
        records = self._backlog.next()
        if records and not self._owed.is_awaited:
            message = StoreErrors(records)
            self._owed.sent(message)
            self.send("store", message)

    def _stored(self, written: StoreErrors) -> None:
        self._backlog.written(written.records)
        self._owed.take(written)
        self._send_next()

    def _put_away(self) -> None:
        """Write the rest to the file for the successor: the next incarnation or process."""
        for record, _ in self._restarting.values():
            self._folder.fold(record)
        self._restarting.clear()
        self._take_folded()
        self._backlog.close()

    # --- what is known -----------------------------------------------------------------------

    def _load(self) -> None:
        """Load earlier errors from the table as soon as it answers. Runs in a greenlet."""
        told = False
        while True:
            wanted = ErrorFilter(since=datetime.now(UTC) - self._memory.retention)
            try:
                records = self.address("history").ask(
                    FindErrors(wanted, RECENT * 10, None), timeout_s=LOAD_TIMEOUT_S
                )
            except (StorageError, SupervisionError) as error:
                if not told:
                    # The store logs why the database does not answer.
                    log.info(
                        "Until PostgreSQL answers, the statistics do not include earlier errors."
                    )
                    log.debug("Asked for earlier errors: %s", error)
                    told = True
                gevent.sleep(RELOAD_S)
            else:
                self.address(self.name).tell(ErrorsLoaded(records))
                return

    def _report(self) -> None:
        status = ErrorStatus(
            enabled=self._enabled,
            note="" if self._enabled else OFF,
            failures=self._failures,
            unexpected=self._unexpected,
            restarts=self._restarts,
            dead_letters=self._dead_letters,
            groups=self._memory.statistics.groups,
            unwritten=len(self._backlog),
            given_up=self._backlog.given_up,
            unsent=self._unsent,
            last_failure=self._last_failure,
            last_failure_at=self._last_failure_at,
        )
        if self._backlog.error:
            reason = f"the copy of errors cannot be written: {self._backlog.error}"
            self.report(Health.DEGRADED, reason, status)
        elif not self._enabled:
            self.report(Health.HEALTHY, OFF, status)
        else:
            self.report(Health.HEALTHY, "", status)
