"""Error manager: hears of every failure, says what it is and costs, and keeps it.

Receives  SupervisionNoticed, FlushErrors, ErrorsLoaded, ErrorsStored, StoreStarted, GetErrors,
          GetErrorAnalytics, GetErrorRecovery, GetErrorTrends
Asks      history FindErrors, at its start, from a greenlet of its own
Sends     StoreErrors to store, Publish (ERROR_OCCURRED, SERVICE_STARTED, SERVICE_STOPPED) to
          event_bus, ServiceReport
Holds     statistics, a ring of the latest errors, the failures whose restart is under way, and
          what is not in the table yet, with a copy of it in a file
Restart   costs nothing but the counts of this process: errors and statistics are read from the
          table and the file again
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias, assert_never
from uuid import uuid4

import gevent
from msgspec.structs import replace

from vatwatch.actors.error_backlog import ErrorBacklog
from vatwatch.actors.service import Service
from vatwatch.config.errors import ErrorSettings
from vatwatch.errors import StorageError, SupervisionError, WebhookUnavailable
from vatwatch.messages import (
    ErrorsStored,
    FindErrors,
    GetErrorAnalytics,
    GetErrorRecovery,
    GetErrors,
    GetErrorTrends,
    SnapshotJournaled,
    StoreErrors,
    StoreStarted,
    SupervisionNoticed,
)
from vatwatch.messages.error_manager import ToErrorManager
from vatwatch.messages.status import ErrorStatus
from vatwatch.monitoring.error_statistics import ErrorStatistics
from vatwatch.monitoring.errors import (
    Category,
    ErrorFilter,
    ErrorRecord,
    Severity,
    category_of,
    fingerprint_of,
    is_bug,
    is_weather,
)
from vatwatch.monitoring.health import Health
from vatwatch.supervision import (
    AskFailed,
    BreakerChanged,
    BreakerState,
    ChildFailed,
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
    correlation_of,
    give_way,
)
from vatwatch.traffic.dead_letters import storable
from vatwatch.traffic.payloads import ServicePayload

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FlushErrors(Tell):
    """Hand on what was folded."""


@dataclass(frozen=True, slots=True)
class ErrorsLoaded(Tell):
    """What the table knows, the newest first."""

    records: tuple[ErrorRecord, ...]


Received: TypeAlias = ToErrorManager | FlushErrors | ErrorsLoaded

# Repeats within this time are one record with a count.
FOLD_S = 1.0
# Of one fingerprint: an event, and a line in the log, at most this often.
QUIET_S = 60.0
RECENT = 1_000
# Records of the time before that are counted at once: to count one takes some microseconds.
SLICE = 200
# More kinds of errors than this within a second are told apart by service and category only.
MOST_OPEN = 200
MANY_KINDS = "many kinds of errors at once"
# A restart that is not over by then is told as it stands.
RESTART_S = 60.0
LOAD_TIMEOUT_S = 60.0
RELOAD_S = 15.0
# For so long the store may owe an answer.
RESEND_S = 5.0
MESSAGE_CHARS = 2_000


class ErrorManagerActor(Service):
    """Keeper of what went wrong."""

    def __init__(self, settings: ErrorSettings, *, outbox: Path | None = None) -> None:
        """Not enabled, it leaves the log lines, and no statistics, rows and events of errors.

        `outbox`: where a copy of what is not in the table yet is.
        """
        super().__init__()
        self._enabled = settings.enabled
        self._retention = timedelta(hours=settings.retention_hours)
        self._statistics = ErrorStatistics(self._retention)
        self._recent: deque[ErrorRecord] = deque(maxlen=RECENT)
        self._open: dict[str, ErrorRecord] = {}
        self._restarting: dict[str, tuple[ErrorRecord, float]] = {}
        self._opened_at: dict[str, float] = {}
        self._told: OrderedDict[str, float] = OrderedDict()
        self._repeats: dict[str, int] = {}
        self._backlog = ErrorBacklog(outbox if settings.enabled else None)
        self._outstanding: StoreErrors | None = None
        self._sent_at = 0.0
        self._flush_due = False
        self._failures = self._restarts = self._dead_letters = self._unsent = 0
        self._unexpected = 0
        self._last_failure = ""
        self._last_failure_at: datetime | None = None

    def on_start(self) -> None:
        if self._enabled:
            for record in self._backlog.load():
                self._learn(record)
            self.spawn(self._load)
            self._flush()
        self._report()

    def on_stop(self) -> None:
        self._put_away()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._put_away()

    def on_receive(self, message: Received) -> Any:
        match message:
            case SupervisionNoticed(notice):
                self._notice(notice)
            case FlushErrors():
                self._flush_due = False
                self._flush()
            case ErrorsLoaded(records):
                self._take_over(records)
            case ErrorsStored(written):
                self._stored(written)
            case StoreStarted():
                self._outstanding = None
                self._flush()
            case GetErrors(wanted, limit, after):
                return self._find(wanted, limit, after)
            case GetErrorAnalytics(window):
                return self._statistics.analytics(datetime.now(UTC), window)
            case GetErrorRecovery(window):
                return self._statistics.recovery(datetime.now(UTC), window)
            case GetErrorTrends():
                return self._statistics.trends(datetime.now(UTC))
            case _:
                assert_never(message)
        return None

    def send(self, name: str, message: Tell) -> None:
        """Without waiting: whoever hangs with a full mailbox is just what this actor hears of."""
        if not self.address(name).offer(message):
            self._unsent += 1

    # --- what is heard -----------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        match notice:
            case ChildStarted(path):
                self._restarted(path, worked=True)
                self.publish("SERVICE_STARTED", ServicePayload(path))
            case ChildStopped(path, killed):
                reason = "killed: it did not stop in time" if killed else "stopped"
                self.publish("SERVICE_STOPPED", ServicePayload(path, reason))
            case ChildFailed():
                self._restarted(notice.path, worked=False)
                record = self._record(notice, Severity.HIGH, notice.message_type or notice.reason)
                bug = is_bug(notice.error_kinds, handled=False)
                self._note(record, f"failed ({notice.reason})", restart=True, bug=bug)
            case AskFailed():
                record = self._record(notice, Severity.MEDIUM, notice.message_type)
                bug = is_bug(notice.error_kinds, handled=True)
                quiet = is_weather(notice.error_kinds)
                self._note(record, "could not answer", bug=bug, quiet=quiet)
            case CrashHookFailed():
                record = self._record(notice, Severity.MEDIUM, "on_crash")
                self._note(record, "failed in on_crash", bug=True)
            case HandOverDiscarded(path):
                log.warning("%s begins afresh: what was handed to it is thrown away", path)
            case FailureHandled():
                self._handled(notice)
            case ChildRestarting(path, attempt, delay_s):
                self._restarts += 1
                log.info("%s is restarted in %.2f s (attempt %d)", path, delay_s, attempt + 1)
            case Escalated(path, intensity, period_s):
                self._restarted(path, worked=False)
                text = f"more than {intensity} failures in {period_s:g} s"
                record = self._made(path, "supervise", "Escalated", text, Severity.CRITICAL)
                self._note(record, "gave up")
            case BreakerChanged():
                self._breaker_changed(notice)
            case DeadLettered():
                self._letter_died(notice)
                return  # to report each one might make the next one
            case _:
                assert_never(notice)
        self._report()

    def _letter_died(self, notice: DeadLettered) -> None:
        """The event bus keeps the letter itself."""
        self._dead_letters += 1
        # What was in hand at a failure is part of it, and who stops needs no messages any more.
        if notice.reason in ("in hand", "injected") or self.tree_is_stopping:
            return
        message = notice.message
        if isinstance(message, StoreErrors) or self.is_own_report(message):
            return  # they tell of errors, and would make one each time
        kind = type(message).__name__
        category = Category.RESOURCE if notice.reason == "overflow" else Category.UNKNOWN
        record = replace(
            self._made(notice.path, kind, "DeadLetter", notice.reason, Severity.MEDIUM),
            category=category.value,
            correlation_id=correlation_of(message),
        )
        # An event that tells of it might be the next one.
        self._note(record, _lost(notice), publish=False)

    def _handled(self, notice: FailureHandled) -> None:
        """Mended where it happened, or not."""
        category = category_of(notice.error_kinds)
        if not notice.recovered:
            severity = Severity.HIGH if category is Category.DATABASE else Severity.MEDIUM
        else:
            missing = {"degrade", "quarantine"}.intersection(notice.tried)
            severity = Severity.MEDIUM if missing else Severity.LOW
        record = replace(
            self._record(notice, severity, notice.operation),
            recovery=notice.tried[-1] if notice.tried else "none",
            recovered=notice.recovered,
            recovery_s=notice.elapsed_s,
        )
        what = "had a failure" if notice.recovered else "failed"
        bug = is_bug(notice.error_kinds, handled=True)
        # What was set aside is told, whatever the reason: nobody else does.
        quiet = is_weather(notice.error_kinds) and "quarantine" not in notice.tried
        self._note(record, what, bug=bug, quiet=quiet)

    def _breaker_changed(self, notice: BreakerChanged) -> None:
        """A trial is the breaker's try; that it closes is its success.

        The part that depends on something outside tells of it itself: of such a breaker nothing is
        logged, nor of any breaker's trials.
        """
        dependency = notice.kind == "dependency"
        trial = BreakerState.HALF_OPEN in (notice.before, notice.after)
        closed = notice.after is BreakerState.CLOSED
        log.log(
            logging.INFO if closed and not dependency else logging.DEBUG,
            "%s",
            f"{notice.name} works again."
            if closed
            else f"Trying {notice.name} again."
            if notice.after is BreakerState.HALF_OPEN
            else f"{notice.name} failed at its trial: {notice.reason}"
            if trial
            else f"{notice.name} is not tried for a while: {notice.reason}",
        )
        now = datetime.now(UTC)
        opened_at = self._opened_at.setdefault(notice.name, monotonic())
        if notice.before is BreakerState.HALF_OPEN:
            worked = notice.after is BreakerState.CLOSED
            self._statistics.add_recovery("breaker", now, worked, monotonic() - opened_at)
        if notice.after is BreakerState.CLOSED:
            del self._opened_at[notice.name]
        elif notice.after is BreakerState.OPEN and notice.before is BreakerState.CLOSED:
            child = notice.kind == "child"
            if child:
                self._restarted(notice.name, worked=False)
            severity = Severity.CRITICAL if child else Severity.HIGH
            name = notice.name if child else f"breaker/{notice.name}"
            webhook = notice.kind == "webhook"
            if webhook:
                # Its outage: the alerter tells of each alert that is lost, not of this.
                why = notice.reason.removeprefix(f"{WebhookUnavailable.__name__}: ")
                next_try = f"The next try is in {notice.retry_in_s:.0f} s."
                log.warning("Alerts cannot be delivered: %s. %s", why, next_try)
            self._note(
                self._made(name, "breaker opened", "BreakerOpen", notice.reason, severity),
                f"failed too often; it is tried again in {notice.retry_in_s:.0f} s",
                quiet=dependency or webhook,
            )

    # --- what is made of it ------------------------------------------------------------------

    def _record(
        self,
        notice: ChildFailed | AskFailed | CrashHookFailed | FailureHandled,
        severity: Severity,
        operation: str,
    ) -> ErrorRecord:
        record = self._made(
            notice.path, operation, notice.error_type, notice.error_text, severity, notice.traceback
        )
        return replace(
            record,
            category=category_of(notice.error_kinds).value,
            correlation_id=notice.correlation_id,
        )

    def _made(
        self,
        path: str,
        operation: str,
        error_type: str,
        text: str,
        severity: Severity,
        traceback: str = "",
    ) -> ErrorRecord:
        now = datetime.now(UTC)
        service = path.rpartition("/")[2]
        return ErrorRecord(
            id=uuid4(),
            time=now,
            last_at=now,
            count=1,
            fingerprint=fingerprint_of(service, operation, error_type, traceback),
            service=service,
            path=path,
            operation=operation,
            category=Category.UNKNOWN.value,
            severity=severity.value,
            error_type=error_type,
            message=storable(text[:MESSAGE_CHARS]),
            correlation_id="",
            traceback=storable(traceback),
            recovery="none",
            recovered=None,
            recovery_s=None,
        )

    def _note(
        self,
        record: ErrorRecord,
        what: str,
        *,
        restart: bool = False,
        publish: bool = True,
        bug: bool = False,
        quiet: bool = False,
    ) -> None:
        """Log it, and keep it until the next flush; or until the restart is over.

        `bug`: its traceback is logged, too. `quiet`: another part tells of it, and counts it among
        what is expected to happen.
        """
        self._failures += 1
        self._unexpected += not quiet
        where = f"{record.path} {what} ({record.operation})"
        self._last_failure = f"{where}: {record.error_type}: {record.message}".rstrip(": ")
        self._last_failure_at = record.time
        new = self._is_new(record.fingerprint)
        if new:
            self._log(record, where, bug=bug, quiet=quiet)
        if not self._enabled:
            return
        if restart:
            record = replace(record, recovery="restart")
            self._restarting[record.path] = (record, monotonic())
        else:
            self._fold(record)
        if new and publish:
            error = f"{record.error_type}: {record.message}".rstrip(": ")
            self.publish("ERROR_OCCURRED", ServicePayload(record.path, where, error))
        self._flush_later()

    def _is_new(self, fingerprint: str) -> bool:
        """Whether nothing was told of such an error for a while."""
        now = monotonic()
        if now - self._told.get(fingerprint, -QUIET_S) < QUIET_S:
            self._repeats[fingerprint] = self._repeats.get(fingerprint, 0) + 1
            return False
        self._told[fingerprint] = now
        self._told.move_to_end(fingerprint)
        if len(self._told) > RECENT:
            forgotten, _ = self._told.popitem(last=False)
            self._repeats.pop(forgotten, None)
        return True

    def _log(self, record: ErrorRecord, where: str, *, bug: bool, quiet: bool) -> None:
        repeats = self._repeats.pop(record.fingerprint, 0)
        more = f" (and {repeats} times since it was last told)" if repeats else ""
        level = logging.INFO if record.severity == Severity.LOW.value else logging.WARNING
        if record.severity in (Severity.HIGH.value, Severity.CRITICAL.value):
            level = logging.ERROR
        if quiet:
            level = logging.DEBUG
        why = f"{record.error_type}: {record.message}".strip(": ")
        text = f"{where}: {why}{more}" if why else f"{where}{more}"
        # A bug needs its traceback; the weather does not.
        if bug and record.traceback:
            text += "\n" + record.traceback
        log.log(level, "%s", text)

    def _restarted(self, path: str, *, worked: bool) -> None:
        """The restart that followed a failure is over."""
        found = self._restarting.pop(path, None)
        if found is not None:
            record, failed_at = found
            self._fold(replace(record, recovered=worked, recovery_s=monotonic() - failed_at))

    def _fold(self, record: ErrorRecord) -> None:
        # Each snapshot that is set aside is a record of its own: who asks for it must find it.
        key = record.fingerprint
        if record.recovery == "quarantine":
            key += record.correlation_id
        known = self._open.get(key)
        if known is None and len(self._open) >= MOST_OPEN:
            about = fingerprint_of(record.service, MANY_KINDS, record.category, "")
            record = replace(record, operation=MANY_KINDS, fingerprint=about)
            key = about
            known = self._open.get(key)
        if known is not None:
            record = replace(
                record,
                id=known.id,
                time=known.time,
                count=known.count + record.count,
                traceback=known.traceback,
            )
        self._open[key] = record

    def _flush_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self.after(FOLD_S, FlushErrors())

    def _flush(self) -> None:
        now = monotonic()
        for path, (record, failed_at) in [*self._restarting.items()]:
            if now - failed_at > RESTART_S:
                del self._restarting[path]
                self._fold(record)
        self._close_open()
        self._send_next()
        if self._restarting or self._backlog:
            self._flush_later()
        self._report()

    def _close_open(self) -> None:
        """What was folded is a record, and changes no more."""
        records = tuple(self._open.values())
        self._open.clear()
        for record in records:
            self._learn(record)
        self._backlog.add(records)

    def _learn(self, record: ErrorRecord) -> None:
        self._recent.append(record)
        self._statistics.add(record)

    def _send_next(self) -> None:
        """Give the store what it does not have, unless it has not answered yet."""
        now = monotonic()
        if self._outstanding is not None and now - self._sent_at < RESEND_S:
            return
        records = self._backlog.next()
        if records:
            self._outstanding, self._sent_at = StoreErrors(records), now
            self.send("store", self._outstanding)

    def _stored(self, written: StoreErrors) -> None:
        self._backlog.written(written.records)
        # An answer to what was sent before the latest counts, but does not end the waiting.
        if written is self._outstanding:
            self._outstanding = None
            self._send_next()

    def _put_away(self) -> None:
        """Whoever comes after goes on with it: the next incarnation, or the next process."""
        for record, _ in self._restarting.values():
            self._fold(record)
        self._restarting.clear()
        self._close_open()
        self._backlog.close()

    # --- what is known -----------------------------------------------------------------------

    def _find(
        self, wanted: ErrorFilter, limit: int, after: tuple[datetime, Any] | None
    ) -> tuple[ErrorRecord, ...]:
        found = [
            record
            for record in self._recent
            if wanted.wants(record) and (after is None or record.cursor < after)
        ]
        found.sort(key=lambda record: record.cursor, reverse=True)
        return tuple(found[:limit])

    def _load(self) -> None:
        """In a greenlet: what the table knows of the time before, as soon as it can be asked."""
        told = False
        while True:
            wanted = ErrorFilter(since=datetime.now(UTC) - self._retention)
            try:
                records = self.address("history").ask(
                    FindErrors(wanted, RECENT * 10, None), timeout_s=LOAD_TIMEOUT_S
                )
            except (StorageError, SupervisionError) as error:
                if not told:
                    # Why it does not answer, the store tells.
                    log.info("Earlier errors are not in the statistics until PostgreSQL answers.")
                    log.debug("Asked for earlier errors: %s", error)
                    told = True
                gevent.sleep(RELOAD_S)
            else:
                self.address(self.name).tell(ErrorsLoaded(records))
                return

    def _take_over(self, records: tuple[ErrorRecord, ...]) -> None:
        """The statistics are in the order of time."""
        ours = {record.id: record for record in (*self._backlog, *self._recent)}
        known = {record.id: record for record in records}
        self._statistics = ErrorStatistics(self._retention)
        self._recent.clear()
        every = sorted((ours | known).values(), key=lambda record: record.cursor)
        for number, record in enumerate(every, 1):
            self._learn(record)
            if number % SLICE == 0:
                give_way()
        self._report()

    def _report(self) -> None:
        status = ErrorStatus(
            enabled=self._enabled,
            failures=self._failures,
            unexpected=self._unexpected,
            restarts=self._restarts,
            dead_letters=self._dead_letters,
            groups=self._statistics.groups,
            unwritten=len(self._backlog),
            given_up=self._backlog.given_up,
            unsent=self._unsent,
            last_failure=self._last_failure,
            last_failure_at=self._last_failure_at,
        )
        if self._backlog.error:
            reason = f"the copy of errors cannot be written: {self._backlog.error}"
            self.report(Health.DEGRADED, reason, status)
        else:
            self.report(Health.HEALTHY, "", status)


def _lost(letter: DeadLettered) -> str:
    """What it means that nobody gets this message."""
    if letter.reason != "suspended":
        return "will not get a message"
    if isinstance(letter.message, SnapshotJournaled):
        return "is suspended; this snapshot waits in the journal until it is tried again"
    return "is suspended, and does not get a message"
