"""The clock of this machine against those of the servers that it talks to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.feed.clock import AHEAD, readable

CHECK = "clock"
# Servers that keep their clocks agree within a second, and HTTP tells whole seconds. Further off
# than this, ages and alerts are visibly wrong.
TOLERATED = timedelta(seconds=10)


def compare(whose: str, ahead: timedelta) -> Iterator[DoctorFinding]:
    """`whose`: the other clock, as in "the clock of PostgreSQL"; `ahead`: of this machine's."""
    if abs(ahead) <= TOLERATED:
        yield ok(CHECK, f"The clock of this machine and {whose} agree.")
        return
    than = "of this" if ahead > timedelta() else "this"
    text = f"{whose[:1].upper()}{whose[1:]} is {readable(ahead)} {than} machine's."
    advice = (
        "Find out which of the two is wrong, and let NTP set it (on this machine: timedatectl); "
        "updates of the feed that are more than five minutes ahead of this machine are held back."
    )
    yield (fault if abs(ahead) > AHEAD else warning)(CHECK, text, advice)
