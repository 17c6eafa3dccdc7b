"""Fetcher: polls the feeds on a schedule that does not drift, and gives new updates to the journal.

Receives  PollDue, SettingsChanged
Asks      journal FindFeedClock, AppendSnapshot, HoldSnapshot, ReleaseHeld, QuarantineHeld
Sends     RejectSnapshot to journal, Publish (DATA_FETCHED) to event_bus, ServiceReport
Holds     the feed's clock (feed/clock.py), the schedule, counts of outcomes
Restart   costs nothing: the journal knows the clock, a file (of another node: the
          database) when the last poll was
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import TypeAlias, TypeVar, assert_never

from msgspec import structs

from vatwatch.actors.deadlines import JOURNAL_TIMEOUT_S
from vatwatch.actors.feed_addresses import AddressBook
from vatwatch.actors.feed_client import FeedClient, NotModified, shown
from vatwatch.actors.fetch_outcomes import NO_ANSWER, PollLog, health_of, outcome_of
from vatwatch.actors.last_poll import LastPoll
from vatwatch.actors.poll_terms import guarded_polls, request_terms
from vatwatch.actors.second_feed import SecondFeed
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.vatsim import VatsimSettings
from vatwatch.errors import (
    BreakerOpen,
    FeedClockDoubted,
    FeedError,
    FeedMalformed,
    FeedTimeInvalid,
    FetchError,
    JournalError,
    SupervisionError,
)
from vatwatch.events.payloads import DataPayload
from vatwatch.feed.clock import ClockVerdict, FeedClock, Judgement, Moment, judge, readable, restore
from vatwatch.feed.correlation import correlation_id
from vatwatch.feed.decode import peek
from vatwatch.feed.phase import PollPlan, next_poll
from vatwatch.feed.times import parse_feed_time
from vatwatch.messages import (
    AppendSnapshot,
    FindFeedClock,
    HoldSnapshot,
    QuarantineHeld,
    RejectSnapshot,
    ReleaseHeld,
    Role,
    SettingsChanged,
)
from vatwatch.messages.status import FetcherStatus
from vatwatch.supervision import (
    Ask,
    CircuitBreaker,
    NativePool,
    Recovery,
    Tell,
    Timer,
)

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PollDue(Tell):
    """The next poll's time has come."""


Received: TypeAlias = PollDue | SettingsChanged

# After so many missing updates the data server has died, though its cache still answers.
FROZEN_PERIODS = 4
FROZEN_S = 60.0


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A body of the main feed, and the values of its head."""

    body: bytes
    at: datetime
    time: datetime
    correlation_id: str


class FetcherActor(Service):
    """Keeps the schedule, and decides what the feed's time means."""

    _circuit_breaker: CircuitBreaker
    _fetching: Recovery
    _radios: SecondFeed

    def __init__(
        self, settings: VatsimSettings, breaker: BreakerSettings, *, last_poll: Path
    ) -> None:
        """`last_poll`: a file that tells a restarted fetcher when the last poll was."""
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        self._client = FeedClient(**request_terms(settings))
        self._addresses = AddressBook(settings, self._client)
        self._pool = NativePool(1, "fetcher")
        self._last_poll = LastPoll(last_poll)
        self._plan = PollPlan(datetime.now(UTC))
        self._clock: FeedClock | None = None  # None: the journal must be asked
        self._advanced_at: datetime | None = None
        self._advanced_s = self._started_s = monotonic()
        self._polled_at: datetime | None = None
        self._timer: Timer | None = None
        self._outcomes: Counter[str] = Counter()
        self._last_outcome = ""
        self._poll_log = PollLog(log)
        self._last_error = ""
        self._source = ""
        self._rejected: bytes | None = None  # digest of the latest body that was rejected

    def on_start(self) -> None:
        settings = self._settings
        self._radios = SecondFeed(self._client, self.spawn)
        self._circuit_breaker, self._fetching = guarded_polls(self, settings, self._breaker)
        self._plan = PollPlan(self._next_due())
        self._poll_at_its_time()
        self._report()

    def _next_due(self) -> datetime:
        role, interval_s = self.address("leadership").shared(Role), self._settings.poll_interval_s
        others = None if role is None else role.fetched_before
        return self._pool.run(self._last_poll.next_due, datetime.now(UTC), interval_s, others)

    def _poll_at_its_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait_s = (self._plan.due - datetime.now(UTC)).total_seconds()
        self._timer = self.after(max(0.0, wait_s), PollDue())

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> None:
        match message:
            case PollDue():
                self._poll()
            case SettingsChanged():
                self._change(message.settings.vatsim, message.settings.breaker)
            case _:
                assert_never(message)

    def _poll(self) -> None:
        began = self._polled_at = datetime.now(UTC)
        self._pool.run(self._last_poll.began, began)
        outcome = self._outcome()
        if outcome not in ("advanced", "unchanged"):
            # A body that was not kept must be sent again, whole.
            self._client.forget_validators()
        if outcome in NO_ANSWER:
            self._addresses.doubt()
        self._outcomes[outcome] += 1
        self._pool.run(self._last_poll.ended, began)
        now = datetime.now(UTC)
        self._plan = next_poll(
            self._plan,
            now,
            self._settings.poll_interval_s,
            self._newest,
            advanced=outcome not in ("unchanged", "older"),
            misses_none=outcome == "advanced",
        )
        self._poll_at_its_time()
        self._poll_log.take(
            outcome, error=self._last_error, source=self._source, next_poll_at=self._plan.due
        )
        self._last_outcome = outcome
        self._report()

    def _outcome(self) -> str:
        """Do one poll, with its tries, from the request to the journal. Returns its outcome."""
        try:
            if self._clock is None:
                self._clock = self._find_clock()
            body = self._fetching.call(self._fetch)
            outcome = "unchanged" if body is None else self._take(self._clock, body)
        except BreakerOpen:
            # The reason is the failure that opened the breaker.
            self._last_error = self._last_error or self._circuit_breaker.info().last_failure
            return "breaker_open"
        except (FeedError, FetchError, JournalError, SupervisionError) as error:
            self._last_error = str(error)
            if isinstance(error, JournalError | SupervisionError):
                self._clock = None  # it is not known what the journal has done
            return outcome_of(error)
        self._last_error = ""
        return outcome

    def _fetch(self) -> bytes | None:
        """Request both feeds, and return the main feed's body; None if we have the newest."""
        where = self._addresses.find()
        self._source = shown(where.data)
        self._radios.ask(where.transceivers)
        try:
            return self._client.get(where.data)
        except NotModified:
            return None

    def _change(self, settings: VatsimSettings, breaker: BreakerSettings) -> None:
        """A new interval counts from the latest poll, so no server is asked too soon."""
        before, self._settings, self._breaker = self._settings, settings, breaker
        self._client.change(**request_terms(settings))
        self._addresses.change(settings)
        self._circuit_breaker, self._fetching = guarded_polls(self, settings, self._breaker)
        if settings.poll_interval_s != before.poll_interval_s:
            self._plan = structs.replace(self._plan, due=self._next_due())
            self._poll_at_its_time()

    # --- handling what was fetched -----------------------------------------------------------

    def _take(self, clock: FeedClock, body: bytes) -> str:
        """Keep, hold or skip the update. Raises errors that `_outcome` knows."""
        fetched = self._look_at(body)
        judgement = judge(clock, Moment(fetched.time, fetched.at))
        verdict = judgement.verdict
        log.debug(
            "Update of %s: %s (held: %s, released: %s, dropped: %s)",
            fetched.correlation_id,
            verdict.value,
            judgement.hold,
            judgement.release,
            judgement.drop,
        )
        if verdict is ClockVerdict.SAME:
            return "unchanged"
        outcome = (
            verdict.value if verdict in (ClockVerdict.FUTURE, ClockVerdict.OLDER) else "advanced"
        )
        if judgement.hold:
            if not self._hold(fetched, judgement):
                return outcome  # a copy of what is kept already
        elif verdict.is_followed and not judgement.release:
            self._ask_journal(
                AppendSnapshot(fetched.time, fetched.at, body, self._radios_of(), self._source)
            )
            self._tell_fetched(fetched)
        if verdict.is_followed:
            self._advanced_at, self._advanced_s = fetched.at, monotonic()
        self._carry_out(judgement)
        self._clock = judgement.clock
        if verdict in (ClockVerdict.ANOTHER_CLOCK, ClockVerdict.RETURNED):
            lead = readable(fetched.time - fetched.at)
            log.warning("The feed's clock has jumped and is followed from now on: it is %s.", lead)
        return outcome

    def _look_at(self, body: bytes) -> _Fetched:
        """Read the head of a body. Raises FeedError, after a body without a valid time was
        quarantined."""
        at = datetime.now(UTC)
        try:
            time, about = self._pool.run(_read_head, body)
        except FeedTimeInvalid as error:
            self._reject(body, at, error)
            raise
        except (FeedError, SupervisionError):
            raise
        except Exception as error:
            # This body has found a bug. The next one may be fine.
            unreadable = FeedMalformed(f"its head cannot be read: {error!r}")
            self._reject(body, at, unreadable)
            raise unreadable from error
        return _Fetched(body, at, time, about)

    def _reject(self, body: bytes, at: datetime, error: FeedError) -> None:
        """Have the journal quarantine a body that cannot become a snapshot; once, however often it
        is sent."""
        digest = blake2b(body).digest()
        if digest != self._rejected:
            self._rejected = digest
            self.send("journal", RejectSnapshot(at, body, self._source, str(error)))
            self.report_failure("reject", error, remedy="quarantine")
        self._outcomes["rejected"] += 1

    def _hold(self, fetched: _Fetched, judgement: Judgement) -> bool:
        """Have an update kept but not processed. Returns False if the journal has it already."""
        message = HoldSnapshot(
            fetched.time, fetched.at, fetched.body, self._radios_of(), self._source
        )
        if not self._ask_journal(message):
            return False
        self._tell_fetched(fetched)
        if not judgement.release:
            lead = readable(fetched.time - fetched.at)
            what = (
                "older than the newest"
                if judgement.verdict is ClockVerdict.OLDER
                else "in the future"
            )
            error = FeedClockDoubted(f"an update is {what} ({lead} by our clock): it is held")
            self.report_failure("hold", error, correlation_id=fetched.correlation_id)
        return True

    def _carry_out(self, judgement: Judgement) -> None:
        """Have held updates processed, or dropped."""
        if judgement.release:
            self._ask_journal(ReleaseHeld(judgement.release))
        if judgement.drop:
            reason = "its time did not fit the feed's clock, which went on without it"
            self._ask_journal(QuarantineHeld(judgement.drop, reason))
            error = FeedClockDoubted(
                f"{len(judgement.drop)} held updates are in quarantine: {reason}"
            )
            self.report_failure(
                "drop", error, correlation_id=judgement.drop[0].isoformat(), remedy="quarantine"
            )

    def _radios_of(self) -> bytes | None:
        radios = self._radios.take()
        if radios is None:
            self._outcomes["no_transceivers"] += 1
        return radios

    def _tell_fetched(self, fetched: _Fetched) -> None:
        payload = DataPayload(update_timestamp=fetched.time, bytes=len(fetched.body))
        self.publish("DATA_FETCHED", payload, correlation_id=fetched.correlation_id)

    def _ask_journal(self, question: Ask[T]) -> T:
        """Raises JournalError, SupervisionError."""
        answer: T = self.address("journal").ask(question, timeout_s=JOURNAL_TIMEOUT_S)
        return answer

    # --- what the journal knows ----------------------------------------------------------------

    def _find_clock(self) -> FeedClock:
        """Get the clock from the journal, and finish what the previous incarnation left half
        done."""
        known = self._ask_journal(FindFeedClock())
        clock, unfinished = restore(known.followed, known.held)
        for judgement in unfinished:
            self._carry_out(judgement)
        if clock.newest is not None and self._advanced_at is None:
            self._advanced_at = clock.newest.at
        return clock

    @property
    def _newest(self) -> datetime | None:
        if self._clock is None or self._clock.newest is None:
            return None
        return self._clock.newest.time

    # --- reporting -------------------------------------------------------------------------------

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        interval_s = self._settings.poll_interval_s
        frozen_s = max(FROZEN_PERIODS * interval_s, FROZEN_S if interval_s >= 15 else 0)
        # Monotonic time. The time before the start does not count against the feed.
        stands_s = monotonic() - max(self._advanced_s, self._started_s)
        held = () if self._clock is None else self._clock.held
        status = FetcherStatus(
            source=self._source,
            outcomes=dict(self._outcomes),
            last_outcome=self._last_outcome,
            last_error=self._last_error,
            last_update_timestamp=self._newest,
            last_advanced_at=self._advanced_at,
            last_polled_at=self._polled_at,
            next_poll_at=self._plan.due,
            frozen=self._last_outcome in ("unchanged", "older", "future") and stands_s > frozen_s,
            reachable=self._last_outcome not in NO_ANSWER,
            transceivers_frozen=self._radios.unchanged_s(until=self._advanced_s) > frozen_s,
            transceivers_missing=self._radios.missing_s() > frozen_s,
            transceivers_error=self._radios.error,
            held=len(held),
            breaker=self._circuit_breaker.state.value,
        )
        health, reason = health_of(status, held[-1].lead if held else timedelta())
        self.report(health, reason, status)

    def _give_back(self) -> None:
        self._client.close()
        self._pool.close()


def _read_head(body: bytes) -> tuple[datetime, str]:
    """The feed's time, and the snapshot's correlation id. Raises FeedError."""
    stamp = peek(body).update_timestamp
    return parse_feed_time(stamp), correlation_id(stamp)
