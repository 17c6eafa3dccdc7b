"""Error log: logs errors and breakers, at most one line a minute for each kind of error."""

from __future__ import annotations

import logging
from collections import OrderedDict
from time import monotonic

from vatwatch.actors.error_findings import Finding
from vatwatch.counting import counted
from vatwatch.errors import WebhookUnavailable
from vatwatch.logs.context import WorkIds, working_on
from vatwatch.monitoring.errors import ErrorSeverity
from vatwatch.supervision import BreakerChanged, BreakerState

log = logging.getLogger(__name__)

# One event and one log line at most in this time, for each fingerprint.
QUIET_S = 60.0
# Fingerprints that are remembered; a service causes a few dozen.
REMEMBERED = 1_000

_LEVELS = {
    ErrorSeverity.LOW.value: logging.INFO,
    ErrorSeverity.MEDIUM.value: logging.WARNING,
    ErrorSeverity.HIGH.value: logging.ERROR,
    ErrorSeverity.CRITICAL.value: logging.ERROR,
}


class ErrorLog:
    """Remembers which errors were logged lately."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, float] = OrderedDict()
        self._repeats: dict[str, int] = {}

    def tell(self, finding: Finding) -> bool:
        """Log it, unless the same error was logged within a minute. Returns whether it was
        logged."""
        fingerprint, now = finding.record.fingerprint, monotonic()
        if now - self._told.get(fingerprint, -QUIET_S) < QUIET_S:
            self._repeats[fingerprint] = self._repeats.get(fingerprint, 0) + 1
            return False
        self._told[fingerprint] = now
        self._told.move_to_end(fingerprint)
        if len(self._told) > REMEMBERED:
            forgotten, _ = self._told.popitem(last=False)
            self._repeats.pop(forgotten, None)
        self._write(finding, self._repeats.pop(fingerprint, 0))
        return True

    def _write(self, finding: Finding, repeats: int) -> None:
        more = f" (and {counted(repeats, 'time')} since the last such line)" if repeats else ""
        text = f"{finding.where}: {finding.why}".removesuffix(": ") + more
        # A bug needs its traceback; the weather does not.
        if finding.bug and finding.record.traceback:
            text += "\n" + finding.record.traceback
        level = logging.DEBUG if finding.weather else _LEVELS[finding.record.severity]
        with working_on(WorkIds(correlation_id=finding.record.correlation_id)):
            log.log(level, "%s", text)


def tell_breaker(notice: BreakerChanged) -> None:
    """Log that a breaker has closed again, or that alerts cannot be delivered.

    A breaker around a dependency is not logged here, since the part that uses it does that.
    (`supervision.circuit_breaker` logs each change at debug.)
    """
    if notice.after is BreakerState.CLOSED and notice.kind != "dependency":
        log.info("%s works again.", notice.name)
    if notice.kind == "webhook" and notice.before is BreakerState.CLOSED:
        # The alerter logs each alert that is lost, but not that its webhook is away.
        why = notice.reason.removeprefix(f"{WebhookUnavailable.__name__}: ")
        log.warning(
            "Alerts cannot be delivered: %s. The next try is in %.0f s.", why, notice.retry_in_s
        )
