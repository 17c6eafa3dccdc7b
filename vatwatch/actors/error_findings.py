"""Turns a notice of the runtime into an error record, and says how it is reported. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from msgspec.structs import replace

from vatwatch.counting import counted
from vatwatch.messages import SnapshotJournaled
from vatwatch.monitoring.errors import (
    Category,
    ErrorRecord,
    ErrorSeverity,
    category_of,
    fingerprint_of,
    is_bug,
    is_weather,
)
from vatwatch.redaction import storable
from vatwatch.supervision import (
    AskFailed,
    BreakerChanged,
    BreakerInfo,
    ChildFailed,
    CrashHookFailed,
    DeadLettered,
    Escalated,
    FailureHandled,
    correlation_of,
)

MESSAGE_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Finding:
    """An error record, and how it is reported."""

    record: ErrorRecord
    what: str
    """What happened to the part, for the line in the log: "failed (crash)"."""
    bug: bool = False
    """Its traceback is logged, too."""
    weather: bool = False
    """Expected, and logged by another part; repeats are folded for longer."""
    restarts: bool = False
    """A restart follows, whose outcome belongs to the record."""
    publish: bool = True
    """Whether an event is published about it."""

    @property
    def where(self) -> str:
        """The service and what it was doing."""
        return f"{self.record.path} {self.what} ({self.record.operation})"

    @property
    def why(self) -> str:
        """The error, its type first."""
        return f"{self.record.error_type}: {self.record.message}".strip(": ")


def of_failure(notice: ChildFailed, now: datetime) -> Finding:
    """A part failed, and its supervisor acts."""
    record = _record(notice, ErrorSeverity.HIGH, notice.message_type or notice.reason, now)
    bug = is_bug(notice.error_kinds, handled=False)
    return Finding(record, f"failed ({notice.reason})", bug=bug, restarts=True)


def of_question(notice: AskFailed, now: datetime) -> Finding:
    """An ask failed."""
    return Finding(
        _record(notice, ErrorSeverity.MEDIUM, notice.message_type, now),
        "could not answer",
        bug=is_bug(notice.error_kinds, handled=True),
        weather=is_weather(notice.error_kinds),
    )


def of_crash_hook(notice: CrashHookFailed, now: datetime) -> Finding:
    """`on_crash` itself failed, which is always a bug."""
    record = _record(notice, ErrorSeverity.MEDIUM, "on_crash", now)
    return Finding(record, "failed in on_crash", bug=True)


def of_escalation(notice: Escalated, now: datetime) -> Finding:
    """A supervisor gave up."""
    text = f"more than {counted(notice.intensity, 'failure')} in {notice.period_s:g} s"
    record = made(notice.path, "supervise", "Escalated", text, ErrorSeverity.CRITICAL, now)
    return Finding(record, "gave up")


def of_handled(notice: FailureHandled, now: datetime) -> Finding:
    """A call failed; a remedy may have helped."""
    category = category_of(notice.error_kinds)
    if not notice.recovered:
        severity = ErrorSeverity.HIGH if category is Category.DATABASE else ErrorSeverity.MEDIUM
    else:
        missing = {"degrade", "quarantine"}.intersection(notice.tried)
        severity = ErrorSeverity.MEDIUM if missing else ErrorSeverity.LOW
    record = replace(
        _record(notice, severity, notice.operation, now),
        recovery=notice.tried[-1] if notice.tried else "none",
        recovered=notice.recovered,
        recovery_s=notice.elapsed_s,
    )
    return Finding(
        record,
        "went on after an error" if notice.recovered else "failed",
        bug=is_bug(notice.error_kinds, handled=True),
        # A quarantined snapshot is always reported, whatever the reason: no other part does it.
        weather=is_weather(notice.error_kinds) and "quarantine" not in notice.tried,
    )


def of_opened_breaker(notice: BreakerChanged, now: datetime) -> Finding:
    """A closed breaker has opened. Dependencies are logged by their part, webhooks by the
    alerter."""
    child = notice.kind == "child"
    severity = ErrorSeverity.CRITICAL if child else ErrorSeverity.HIGH
    path = breaker_path(notice)
    return Finding(
        made(path, "breaker opened", "BreakerOpen", notice.reason, severity, now),
        f"failed too often; it is tried again in {notice.retry_in_s:.0f} s",
        weather=notice.kind in ("dependency", "webhook"),
    )


def of_dead_letter(notice: DeadLettered, now: datetime) -> Finding:
    """A message could not be delivered to an actor. The event bus keeps the dead letter itself."""
    message = notice.message
    category = Category.RESOURCE if notice.reason == "overflow" else Category.UNKNOWN
    record = replace(
        made(
            notice.path,
            type(message).__name__,
            "DeadLetter",
            notice.reason,
            ErrorSeverity.MEDIUM,
            now,
        ),
        category=category.value,
        correlation_id=correlation_of(message),
    )
    if notice.reason != "suspended":
        what = "will not get a message"
    elif isinstance(message, SnapshotJournaled):
        what = "is suspended; this snapshot waits in the journal until it is tried again"
    else:
        what = "is suspended, and does not get a message"
    # An event about it might become the next dead letter.
    return Finding(record, what, publish=False)


def breaker_path(breaker: BreakerChanged | BreakerInfo) -> str:
    """The source that errors and events name for a breaker: a part's own breaker belongs to that
    part."""
    return breaker.name if breaker.kind == "child" else f"breaker/{breaker.name}"


def made(
    path: str,
    operation: str,
    error_type: str,
    text: str,
    severity: ErrorSeverity,
    now: datetime,
    traceback: str = "",
) -> ErrorRecord:
    """A record of one error that happened now."""
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


def _record(
    notice: ChildFailed | AskFailed | CrashHookFailed | FailureHandled,
    severity: ErrorSeverity,
    operation: str,
    now: datetime,
) -> ErrorRecord:
    record = made(
        notice.path,
        operation,
        notice.error_type,
        notice.error_text,
        severity,
        now,
        notice.traceback,
    )
    return replace(
        record,
        category=category_of(notice.error_kinds).value,
        correlation_id=notice.correlation_id,
    )
