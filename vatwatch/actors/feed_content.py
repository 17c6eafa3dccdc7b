"""What is wrong with the feed's content now, and which of it is new."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from vatwatch.counting import counted
from vatwatch.errors import FeedError, RecordsUnreadable
from vatwatch.feed.outcomes import outcome_of
from vatwatch.supervision import RemedyName
from vatwatch.traffic.conditions import TrafficConditions, Usual, observe
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import DecodedSnapshot

# Records that one error names; the table of quarantined records has more.
NAMED_RECORDS = 3
NOTHING_SEEN = TrafficConditions(Usual(), ())


@dataclass(frozen=True, slots=True)
class ContentFailure:
    """Something unreadable that the previous snapshot did not have: worth an error record."""

    operation: str
    error: FeedError
    remedy: RemedyName


class FeedContent:
    """Follows the content of the live snapshots. Holds values only."""

    def __init__(
        self, seen: TrafficConditions = NOTHING_SEEN, *, usual_before: Usual | None = None
    ) -> None:
        """`seen`: what the previous incarnation saw last, to continue from; `usual_before`: what
        the previous process found usual, if nothing was seen since."""
        self.seen = seen
        self._usual_before = usual_before or Usual()
        self.radios_unreadable: Counter[str] = Counter()
        """Snapshots whose radios feed could not be read, by outcome."""
        self._radios_outcome = ""
        self._known_faults: set[tuple[str, str, str]] = set()

    @property
    def conditions(self) -> tuple[str, ...]:
        """What is wrong now: sentences for people. Each stays as long as it holds."""
        return self.seen.conditions

    @property
    def fewer_pilots(self) -> str | None:
        """A sentence if there are far fewer pilots than usual; empty if not, None before the first
        look."""
        return None if self.seen.usual.time is None else self.seen.fewer_pilots

    def observe(
        self, decoded: DecodedSnapshot, before: NetworkState | None
    ) -> list[ContentFailure]:
        """Take the next live snapshot into account.

        Args:
            decoded: the snapshot
            before: the live state before it, from which the usual number of pilots is taken at the
                start, if the previous process has not left it

        Returns:
            What is newly wrong. A fault that the previous snapshot had is not returned again, since
            a fault upstream may last for hours.
        """
        usual = self._usual_before if self.seen.usual.time is None else self.seen.usual
        if usual.time is None and before is not None and before.time is not None:
            usual = Usual(before.time, float(len(before.flights)))
        error = decoded.radios_error
        self.seen = observe(
            usual,
            decoded.snapshot.time,
            decoded.tallies,
            "" if error is None else str(error),
        )
        return [*self._radios_failures(error), *self._record_failures(decoded)]

    def _radios_failures(self, error: FeedError | None) -> list[ContentFailure]:
        before = self._radios_outcome
        self._radios_outcome = "" if error is None else outcome_of(error)
        if error is None:
            return []
        self.radios_unreadable[self._radios_outcome] += 1
        if self._radios_outcome == before:
            return []
        return [ContentFailure("read radios", error, "degrade")]

    def _record_failures(self, decoded: DecodedSnapshot) -> list[ContentFailure]:
        before = self._known_faults
        self._known_faults = {(q.kind, q.callsign, q.reason) for q in decoded.quarantined}
        fresh = sorted(self._known_faults - before)
        if not fresh:
            return []
        some = "; ".join(f"{kind} {who}: {why}" for kind, who, why in fresh[:NAMED_RECORDS])
        error = RecordsUnreadable(
            f"{counted(decoded.set_aside, 'record was', 'records were')} quarantined: {some}"
        )
        return [ContentFailure("read records", error, "quarantine")]
