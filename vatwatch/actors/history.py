"""History: answers questions from the database, several at a time.

Receives  FindTrack, FindEvents, FindDeadLetters, FindDeadLetter, FindAlerts, FindErrors,
          FindMatches, FindFlightContacts, FindSessionContacts, FindSectorMinutes, InspectDatabase,
          TryDatabase, LookAtReplica, DatabaseReturned, SettingsChanged
Asks      postgres GetDsn, if the cluster is embedded
Sends     DatabaseReturned to store, keys and subscriptions, ServiceReport
Holds     its own connections, so that readers and the writer do not wait for each other; those to
          a replica, if there is one. It answers what comes from snapshots; what the service and its
          users have written themselves is asked of the primary, and never older than the write
Restart   costs the questions in hand
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

import psycopg2
from gevent.lock import BoundedSemaphore

from vatwatch.actors.database import Database, expect_schema, nothing, open_database
from vatwatch.actors.reads import LOOK_EVERY_S, Reads
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import StorageError, TooManyQuestions
from vatwatch.messages import (
    DatabaseReturned,
    FindAlerts,
    FindDeadLetter,
    FindDeadLetters,
    FindErrors,
    FindEvents,
    FindFlightContacts,
    FindMatches,
    FindSectorMinutes,
    FindSessionContacts,
    FindTrack,
    InspectDatabase,
    SettingsChanged,
    Track,
)
from vatwatch.messages.history import ToHistory
from vatwatch.messages.reads_status import ReadsStatus
from vatwatch.messages.status import DatabaseReport, HistoryStatus
from vatwatch.monitoring.health import Health
from vatwatch.storage.alert_table import find_alerts
from vatwatch.storage.error_table import find_errors
from vatwatch.storage.event_table import find_events, find_letter, find_letters
from vatwatch.storage.match_table import find_matches, flight_contacts, session_contacts
from vatwatch.storage.queries import head_of, inspect, latest_flight, track
from vatwatch.storage.sector_table import sector_minutes
from vatwatch.supervision import Reply, Tell, Timer
from vatwatch.supervision.failures import text_of
from vatwatch.supervision.public_lane import PUBLIC_CAPACITY, PUBLIC_RETRY_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection


@dataclass(frozen=True, slots=True)
class TryDatabase(Tell):
    """The database was away at the last question; check whether it is back."""


@dataclass(frozen=True, slots=True)
class LookAtReplica(Tell):
    """Time to see whether the replica is well."""


Received: TypeAlias = ToHistory | TryDatabase | LookAtReplica

# Connections that questions from outside leave to the tree's own: one for the health monitor's
# look at the database, one for an actor that reads what happened before it started.
RESERVED = 2
# Seconds between two tries while the database is away. Without them the status would stay out of
# date for as long as nobody asks anything.
RETRY_S = 1.0
# Of the connections to each server, those that look at it (`Reads`).
LOOKS = 1


class HistoryActor(Service):
    """Reader of the database."""

    _database: Database
    _reads: Reads | None = None

    def __init__(
        self, settings: DatabaseSettings, breaker: BreakerSettings, *, connections: int
    ) -> None:
        """`connections`: how many questions are asked of the database at once."""
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        # Each server gets as many, and one of them looks at it.
        self._connections = connections
        if settings.read_url is not None:
            self._connections = max(1, connections - LOOKS)
        self._queries = self._failures = 0
        self._public_waiting = 0
        self._public_places = BoundedSemaphore(max(1, self._connections - RESERVED))
        self._retry: Timer | None = None
        self._retry_at: datetime | None = None
        self._since: datetime | None = None
        self._last_error = ""

    def on_start(self) -> None:
        self._database = open_database(
            self,
            self._settings,
            self._breaker,
            connections=self._connections,
            prepare=expect_schema,
        )
        if self._settings.read_url is not None:
            self._reads = Reads(
                self, self._settings, self._breaker, self._database, connections=self._connections
            )
            self.spawn(self._look)
        self._report("")

    def on_stop(self) -> None:
        self._close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._close()

    def _close(self) -> None:
        self._database.close()
        if self._reads is not None:
            self._reads.close()

    def on_receive(self, message: Received) -> None:
        match message:
            case FindTrack(callsign, flight_id):
                self._read(lambda conn: _find_track(conn, callsign, flight_id))
            case FindEvents(wanted, limit, after):
                self._read(lambda conn: find_events(conn, wanted, limit=limit, after=after))
            case FindDeadLetters(letters, limit, after):
                self._query(lambda conn: find_letters(conn, letters, limit=limit, after=after))
            case FindDeadLetter(letter_id):
                self._query(lambda conn: find_letter(conn, letter_id))
            case FindAlerts(alerts, limit, after):
                self._query(lambda conn: find_alerts(conn, alerts, limit=limit, after=after))
            case FindErrors(errors, limit, after):
                self._query(lambda conn: find_errors(conn, errors, limit=limit, after=after))
            case FindMatches(matches, limit, key):
                self._read(lambda conn: find_matches(conn, matches, limit=limit, after=key))
            case FindFlightContacts(flight_id):
                self._read(lambda conn: flight_contacts(conn, flight_id))
            case FindSessionContacts(session_id):
                self._read(lambda conn: session_contacts(conn, session_id))
            case FindSectorMinutes(name, kind, since, until):
                self._read(lambda conn: sector_minutes(conn, name, kind, since, until))
            case InspectDatabase():
                self._aside(self._inspect)
            case LookAtReplica():
                self.spawn(self._look)
            case TryDatabase():
                self.spawn(self._try)
            case DatabaseReturned():
                self._database.reset()
                self.spawn(self._try)
            case SettingsChanged():
                self._settings = message.settings.database
                self._breaker = message.settings.breaker
                self._database.change(self._settings, self._breaker)
                if self._reads is not None:
                    self._reads.change(self._settings, self._breaker)
            case _:
                assert_never(message)

    def _query(self, query: Callable[[connection], object]) -> None:
        """Ask the primary: the rows may be of this moment."""
        self._aside(partial(self._answer, self._database.run, query))

    def _read(self, query: Callable[[connection], object]) -> None:
        """Ask the replica, if there is one."""
        if self._reads is None:
            self._query(query)
        else:
            self._aside(partial(self._answer, self._reads.run, query))

    def _look(self) -> None:
        assert self._reads is not None
        self._reads.look()
        self._report(self._last_error)
        self.after(LOOK_EVERY_S, LookAtReplica())

    def _aside(self, answer: Callable[[Reply[Any]], None]) -> None:
        """Answer in a separate greenlet, so that this actor never waits for the database."""
        reply = self.reply_later()
        if not reply.public:
            self.spawn(answer, reply)
        elif self._public_waiting < PUBLIC_CAPACITY:
            self._public_waiting += 1
            self.spawn(self._in_turn, answer, reply)
        else:
            text = f"{PUBLIC_CAPACITY} questions wait for the database already"
            reply.fail(TooManyQuestions(text, PUBLIC_RETRY_S))

    def _in_turn(self, answer: Callable[[Reply[Any]], None], reply: Reply[Any]) -> None:
        """Answer a question over HTTP: it may use the connections that are not reserved for the
        tree."""
        try:
            with self._public_places:
                if reply.abandoned:
                    reply.set(None)  # the asker has gone, so no answer is needed
                else:
                    answer(reply)
        finally:
            self._public_waiting -= 1

    def _answer(
        self,
        run: Callable[[Callable[[connection], object]], object],
        query: Callable[[connection], object],
        reply: Reply[object],
    ) -> None:
        self._queries += 1
        try:
            reply.set(run(query))
        except StorageError as error:
            self._failures += 1
            self._away(error)
            reply.fail(error)
        except Exception as error:  # noqa: BLE001 - the asker gets it, and others do not notice
            self._failures += 1
            reply.fail(error)
        else:
            # An answer of the replica says nothing about the primary.
            self._report("" if run == self._database.run else self._last_error)

    def _inspect(self, reply: Reply[DatabaseReport]) -> None:
        try:
            found = self._database.run(inspect)
        except (StorageError, psycopg2.Error) as error:
            self._away(error)
            reply.set(
                DatabaseReport(
                    pool=self._database.pool, reads=self._reads_status(), error=text_of(error)
                )
            )
            return
        self._report("")
        reply.set(
            DatabaseReport(
                latency_ms=found.latency_ms,
                size_bytes=found.size_bytes,
                connections=found.connections,
                max_connections=found.max_connections,
                migrations=found.migrations,
                pool=self._database.pool,
                reads=self._reads_status(),
            )
        )

    def _try(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._retry = None
        try:
            self._database.run(nothing)
        except (StorageError, psycopg2.Error) as error:
            self._away(error)
        else:
            self._report("")

    def _away(self, error: StorageError | psycopg2.Error) -> None:
        if self._retry is None:
            delay = max(RETRY_S, self._database.retry_in_s)
            self._retry = self.after(delay, TryDatabase())
            self._retry_at = datetime.now(UTC) + timedelta(seconds=delay)
        self._report(text_of(error))

    def _report(self, last_error: str) -> None:
        """The service is degraded while the database is away: only its answers are missing; and
        while the primary answers for the replica."""
        self._last_error = last_error
        if not last_error:
            self._since = self._retry_at = None
        elif self._since is None:
            self._since = datetime.now(UTC)
        status = HistoryStatus(
            queries=self._queries,
            failures=self._failures,
            last_error=last_error,
            since=self._since,
            retry_at=self._retry_at,
            fallbacks=0 if self._reads is None else self._reads.fallbacks,
            reads=self._reads_status(),
        )
        reason = last_error
        if not reason and self._reads is not None and self._reads.reason:
            reason = f"the primary answers for the replica: {self._reads.reason}"
        self.report(Health.DEGRADED if reason else Health.HEALTHY, reason, status)

    def _reads_status(self) -> ReadsStatus | None:
        return None if self._reads is None else self._reads.status()


def _find_track(conn: connection, callsign: str, flight_id: int | None) -> Track | None:
    if flight_id is None:
        flight_id = latest_flight(conn, callsign)
    if flight_id is None:
        return None
    return Track(flight_id, track(conn, flight_id), *head_of(conn, flight_id))
