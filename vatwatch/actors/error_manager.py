"""Error manager: hears of every failure from the supervisors, logs it, counts it, tells the bus.

Receives  SupervisionNoticed
Sends     Publish (ERROR_OCCURRED, SERVICE_STARTED, SERVICE_STOPPED) to event_bus, ServiceReport
Holds     counts, and the latest failure
Restart   costs the counts
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import assert_never

from vatwatch import errors
from vatwatch.actors.service import Service
from vatwatch.messages import ErrorStatus, Health, SupervisionNoticed
from vatwatch.supervision import (
    AskFailed,
    BreakerChanged,
    ChildFailed,
    ChildRestarting,
    ChildStarted,
    ChildStopped,
    CrashHookFailed,
    DeadLettered,
    Escalated,
    FailureHandled,
    Notice,
)
from vatwatch.traffic.payloads import ServicePayload

log = logging.getLogger(__name__)

Received = SupervisionNoticed


class ErrorManagerActor(Service):
    """Keeper of what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self._failures = self._restarts = self._dead_letters = 0
        self._last_failure = ""
        self._last_failure_at: datetime | None = None

    def on_start(self) -> None:
        self._report()

    def on_receive(self, message: Received) -> None:
        match message:
            case SupervisionNoticed(notice):
                self._notice(notice)
            case _:
                assert_never(message)

    def _notice(self, notice: Notice) -> None:
        match notice:
            case ChildStarted(path):
                self.publish("SERVICE_STARTED", ServicePayload(path))
            case ChildStopped(path, killed):
                reason = "killed: it did not stop in time" if killed else "stopped"
                self.publish("SERVICE_STOPPED", ServicePayload(path, reason))
            case ChildFailed():
                where = f"{notice.path} failed ({notice.reason})"
                if notice.message_type:
                    where += f" while handling {notice.message_type}"
                self._failed(notice.path, where, notice.error_type, notice.error_text)
                if notice.reason == "start" and hasattr(errors, notice.error_type):
                    # It says itself what is wrong; at the first start the command shows it.
                    log.debug("%s: %s", where, notice.error_text)
                else:
                    log.error("%s\n%s", where, notice.traceback)
            case AskFailed():
                where = f"{notice.path} could not answer {notice.message_type}"
                self._failed(notice.path, where, notice.error_type, notice.error_text)
                log.warning("%s: %s: %s", where, notice.error_type, notice.error_text)
            case CrashHookFailed():
                where = f"{notice.path} failed in on_crash"
                self._failed(notice.path, where, notice.error_type, notice.error_text)
                log.error("%s\n%s", where, notice.traceback)
            case ChildRestarting(path, attempt, delay_s):
                self._restarts += 1
                log.info(
                    "%s is restarted in %.2f s (attempt %d); %s",
                    path,
                    delay_s,
                    attempt + 1,
                    self._last_failure,
                )
            case Escalated(path, intensity, period_s):
                where = f"{path} gave up: more than {intensity} failures in {period_s:g} s"
                self._failed(path, where, "Escalated", "")
                log.error(where)
            case FailureHandled():
                where = f"{notice.path}: {notice.operation} failed"
                self._failed(notice.path, where, notice.error_type, notice.error_text)
            case BreakerChanged():
                log.warning(
                    "breaker %s: %s → %s (%s)",
                    notice.name,
                    notice.before.value,
                    notice.after.value,
                    notice.reason,
                )
            case DeadLettered(path, letter, reason):
                self._dead_letters += 1
                # While the tree stops this is as it should be.
                level = logging.DEBUG if reason == "stopped" else logging.WARNING
                log.log(
                    level, "%s for %s is a dead letter: %s", type(letter).__name__, path, reason
                )
                return  # nothing is told: that message could be the next dead letter, and so on
            case _:
                assert_never(notice)
        self._report()

    def _failed(self, path: str, where: str, error_type: str, error_text: str) -> None:
        self._failures += 1
        self._last_failure = f"{where}: {error_type}: {error_text}".rstrip(": ")
        self._last_failure_at = datetime.now(UTC)
        payload = ServicePayload(path, where, f"{error_type}: {error_text}".rstrip(": "))
        self.publish("ERROR_OCCURRED", payload)

    def _report(self) -> None:
        status = ErrorStatus(
            failures=self._failures,
            restarts=self._restarts,
            dead_letters=self._dead_letters,
            last_failure=self._last_failure,
            last_failure_at=self._last_failure_at,
        )
        self.report(Health.HEALTHY, "", status)
