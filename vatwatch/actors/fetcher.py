"""Fetcher: polls the feeds on a schedule that does not drift, and has what is new made durable.

Receives  PollDue
Asks      journal AppendSnapshot
Sends     Publish (DATA_FETCHED) to event_bus, ServiceReport
Holds     the newest update_timestamp of this source, the schedule, counts of outcomes
Restart   costs the poll in hand; the newest snapshot may be fetched again, which the store notices
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urljoin

import msgspec

from vatwatch.actors.feed_client import (
    Addresses,
    FeedClient,
    NotModified,
    addresses_from_status,
    choose,
    fetch_both,
)
from vatwatch.actors.service import Service
from vatwatch.errors import (
    BreakerOpen,
    FeedEmpty,
    FeedError,
    FetchError,
    FetchRedirected,
    FetchStatus,
    FetchTimeout,
    FetchTooLarge,
    FetchUnreachable,
    JournalError,
    JournalFull,
    SupervisionError,
)
from vatwatch.feed.decode import peek
from vatwatch.feed.outcomes import FEED_OUTCOMES
from vatwatch.feed.phase import PollPlan, next_poll
from vatwatch.feed.times import parse_time
from vatwatch.messages import AppendSnapshot, Health, PollDue
from vatwatch.operations.status import FetcherStatus
from vatwatch.redaction import shown_address
from vatwatch.supervision import Backoff, BreakerPolicy, Guard, Guarded, NativePool, Recovery, Retry
from vatwatch.traffic.payloads import DataPayload

if TYPE_CHECKING:
    from collections.abc import Callable

    from vatwatch.feed.records import General

log = logging.getLogger(__name__)

Received = PollDue

OUTCOMES: dict[type[Exception], str] = {
    **FEED_OUTCOMES,
    FetchTimeout: "timeout",
    FetchStatus: "http_status",
    FetchTooLarge: "too_large",
    FetchRedirected: "redirected",
    FetchUnreachable: "unreachable",
    BreakerOpen: "breaker_open",
    JournalFull: "journal_full",
    JournalError: "journal_failed",
    SupervisionError: "journal_failed",
}
BACKOFF = Backoff(base_s=0.5, cap_s=5.0)
# The list of addresses changes rarely.
STATUS_AGE_S = 3600.0
JOURNAL_TIMEOUT_S = 20.0
# So many updates that do not come: the data server has died, and its cache goes on serving.
FROZEN_PERIODS = 4
FROZEN_S = 60.0


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """Where the feeds are, and how to ask. Without `api_url`: found through `status_url`."""

    api_url: str | None
    transceivers_url: str | None
    status_url: str
    default_api_url: str
    default_transceivers_url: str
    may_ask: Callable[[str], bool]
    user_agent: str
    timeout_s: float
    retry_attempts: int
    poll_interval_s: float
    max_body_bytes: int
    breaker: BreakerPolicy


class FetcherActor(Service):
    """Keeper of the schedule."""

    _guard: Guard
    _fetching: Recovery

    def __init__(self, settings: FeedSettings) -> None:
        super().__init__()
        self._settings = settings
        self._client = FeedClient(
            user_agent=settings.user_agent,
            timeout_s=settings.timeout_s,
            max_body_bytes=settings.max_body_bytes,
        )
        self._pool = NativePool(1, "fetcher")
        self._plan = PollPlan(datetime.now(UTC))
        self._listed: Addresses | None = None
        self._listed_at = 0.0
        self._newest: datetime | None = None
        self._advanced_at: datetime | None = None
        self._polled_at: datetime | None = None
        self._outcomes: Counter[str] = Counter()
        self._last_outcome = ""
        self._last_error = ""
        self._source = ""
        self._started_at = datetime.now(UTC)
        self._radios_body: bytes | None = None  # the latest; what "not modified" stands for
        self._radios: bytes | None = None  # the latest that was kept, and since when it is the same
        self._radios_since: datetime | None = None

    def on_start(self) -> None:
        self._started_at = datetime.now(UTC)
        self._plan = PollPlan(self._started_at)
        settings = self._settings
        self._guard = self.guard("VATSIM feed", settings.breaker, counts=(FetchError, FeedEmpty))
        self._fetching = self.recovery(
            "poll",
            Guarded(self._guard),
            Retry(
                settings.retry_attempts,
                BACKOFF,
                on=_worth_retrying,
                within_s=settings.poll_interval_s,
            ),
        )
        self.after(0, PollDue())
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def on_receive(self, message: Received) -> None:
        match message:
            case PollDue():
                self._poll()
            case _:
                assert_never(message)

    def _poll(self) -> None:
        self._polled_at = datetime.now(UTC)
        outcome = self._outcome()
        if outcome not in ("advanced", "unchanged"):
            # What was not kept must be sent again, whole.
            self._client.forget_validators()
        self._outcomes[outcome] += 1
        now = datetime.now(UTC)
        self._plan = next_poll(
            self._plan,
            now,
            self._settings.poll_interval_s,
            self._newest,
            advanced=outcome not in ("unchanged", "older"),
        )
        self.after(max(0.0, (self._plan.due - now).total_seconds()), PollDue())
        self._tell_operator(outcome)
        self._last_outcome = outcome
        self._report()

    def _outcome(self) -> str:
        """One poll, with its tries, from the request to the journal; what came of it in a word."""
        before, self._last_error = self._last_error, ""
        try:
            fetched = self._fetching.call(self._fetch)
            if fetched is None:
                return "unchanged"
            body, transceivers = fetched
            general: General = self._pool.run(peek, body)
            update_timestamp = parse_time(general.update_timestamp)
            if self._newest is not None and update_timestamp <= self._newest:
                return "unchanged" if update_timestamp == self._newest else "older"
            self._keep(update_timestamp, body, transceivers, general)
        except (FeedError, FetchError, BreakerOpen, JournalError, SupervisionError) as error:
            # A breaker's refusal says nothing new: the cause stays what it was.
            self._last_error = (isinstance(error, BreakerOpen) and before) or str(error)
            return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
        return "advanced"

    def _fetch(self) -> tuple[bytes, bytes | None] | None:
        """Both feeds, once; None if what we have is the newest."""
        where = self._addresses()
        self._source = shown_address(where.data)
        body, transceivers = fetch_both(self._client, where)
        if isinstance(body, bytes):
            return body, self._newest_radios(transceivers)
        if isinstance(body, NotModified):
            return None
        raise body

    def _newest_radios(self, answer: bytes | Exception | None) -> bytes | None:
        """The second feed costs the first nothing: without it, the snapshot has no radios."""
        if isinstance(answer, bytes):
            self._radios_body = answer
        elif not isinstance(answer, NotModified):
            self._radios_body = None
            self._outcomes["no_transceivers"] += 1
            log.debug("no transceivers: %s", answer)
        return self._radios_body

    def _keep(
        self,
        update_timestamp: datetime,
        body: bytes,
        transceivers: bytes | None,
        general: General,
    ) -> None:
        fetched_at = datetime.now(UTC)
        self.address("journal").ask(
            AppendSnapshot(update_timestamp, fetched_at, body, transceivers, self._source),
            timeout_s=JOURNAL_TIMEOUT_S,
        )
        self._newest = update_timestamp
        self._advanced_at = fetched_at
        if transceivers is not None and transceivers != self._radios:
            self._radios, self._radios_since = transceivers, fetched_at
        payload = DataPayload(update_timestamp=update_timestamp, bytes=len(body))
        self.publish("DATA_FETCHED", payload, correlation_id=general.update_timestamp)

    def _addresses(self) -> Addresses:
        settings = self._settings
        if settings.api_url is not None:
            return Addresses(
                settings.api_url,
                settings.transceivers_url or urljoin(settings.api_url, "transceivers-data.json"),
            )
        if self._listed is None or monotonic() - self._listed_at > STATUS_AGE_S:
            self._listed = self._look_up()
            self._listed_at = monotonic()
        return self._listed

    def _look_up(self) -> Addresses:
        """Ask `status.json`; while it is not to be had, go on with what is known."""
        settings = self._settings
        data: list[str] = []
        transceivers: list[str] = []
        try:
            data, transceivers = addresses_from_status(self._client.get(settings.status_url))
        except (FetchError, FeedError, NotModified, msgspec.MsgspecError) as error:
            log.info("no addresses from %s: %s", settings.status_url, error)
        known = self._listed or Addresses(
            settings.default_api_url, settings.default_transceivers_url
        )
        found = Addresses(
            choose(data, known.data),
            settings.transceivers_url or choose(transceivers, known.transceivers),
        )
        for url in (found.data, found.transceivers):
            if not settings.may_ask(url):
                raise FetchUnreachable(
                    f"{url} is VATSIM's own, and not asked more often than every 15 s"
                )
        return found

    def _tell_operator(self, outcome: str) -> None:
        """One line when it begins to fail and one when it is well again, not one a poll."""
        well = ("advanced", "unchanged", "older")
        if outcome not in well and self._last_outcome in (*well, ""):
            log.warning(
                "%s: %s. What is known is served; next try at %s UTC, and /api/status says how it "
                "goes.",
                "What VATSIM sends cannot be kept"
                if outcome in ("journal_full", "journal_failed")
                else "VATSIM's feed cannot be used",
                self._last_error,
                f"{self._plan.due:%H:%M:%S}",
            )
        elif outcome in well and self._last_outcome in ("journal_full", "journal_failed"):
            log.info("Snapshots can be kept again.")
        elif outcome in well and self._last_outcome not in (*well, ""):
            log.info("VATSIM's feed is back: %s", self._source)

    def _report(self) -> None:
        now = datetime.now(UTC)
        interval_s = self._settings.poll_interval_s
        frozen_s = max(FROZEN_PERIODS * interval_s, FROZEN_S if interval_s >= 15 else 0)
        since = self._advanced_at or self._started_at
        frozen = (
            self._last_outcome in ("unchanged", "older")
            and (now - since).total_seconds() > frozen_s
        )
        status = FetcherStatus(
            source=self._source,
            outcomes=dict(self._outcomes),
            last_outcome=self._last_outcome,
            last_error=self._last_error,
            last_update_timestamp=self._newest,
            last_advanced_at=self._advanced_at,
            last_polled_at=self._polled_at,
            next_poll_at=self._plan.due,
            frozen=frozen,
            reachable=self._last_outcome
            not in ("timeout", "unreachable", "breaker_open", "http_status"),
            transceivers_frozen=self._radios_since is not None
            and self._advanced_at is not None
            and self._advanced_at - self._radios_since > timedelta(seconds=frozen_s),
            breaker=self._guard.state.value,
        )
        if self._last_error:
            reason = f"{self._last_error}; next try at {self._plan.due:%H:%M:%S} UTC"
            self.report(Health.UNHEALTHY, reason, status)
        elif frozen:
            self.report(
                Health.DEGRADED, f"the feed stands still since {since:%H:%M:%S} UTC", status
            )
        elif status.transceivers_frozen:
            self.report(Health.DEGRADED, "the transceivers feed stands still", status)
        else:
            self.report(Health.HEALTHY, "", status)

    def _give_back(self) -> None:
        self._client.close()
        self._pool.close()


def _worth_retrying(error: Exception) -> bool:
    """Whether another try within the same poll may mend it."""
    if isinstance(error, FetchStatus):
        return error.status >= 500
    return isinstance(error, FetchTimeout | FetchUnreachable | FeedEmpty)
