"""Writes events, dead letters, errors and alerts. If PostgreSQL refuses one row, the others are
still written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import psycopg2

from vatwatch.actors.database import Database
from vatwatch.actors.service import Service
from vatwatch.messages import (
    AlertsStored,
    ErrorsStored,
    EventsStored,
    StoreAlerts,
    StoreErrors,
    StoreEvents,
)
from vatwatch.monitoring.alert_records import AlertRecord
from vatwatch.monitoring.errors import ErrorRecord
from vatwatch.storage.alert_table import write_alerts
from vatwatch.storage.error_table import write_errors
from vatwatch.storage.event_table import write_events, write_letters

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

log = logging.getLogger(__name__)

R = TypeVar("R")


class ServiceRecords:
    """What the service tells of itself: of each sender the latest message, which is all that it
    wants written. Every node writes its own."""

    def __init__(self, store: Service) -> None:
        """`store`: which tells the senders that it is done."""
        self._store = store
        self._events: StoreEvents | None = None
        self._errors: StoreErrors | None = None
        self._alerts: StoreAlerts | None = None

    def note(self, message: StoreEvents | StoreErrors | StoreAlerts) -> None:
        """Write this at the next `write`."""
        match message:
            case StoreEvents():
                self._events = message
            case StoreErrors():
                self._errors = message
            case StoreAlerts():
                self._alerts = message

    def write(self, database: Database) -> None:
        """Write all of it. Raises StorageError; then the rest can be tried again."""
        if self._events is not None:
            refused = store_events(database, self._events)
            self._store.address("event_bus").tell(EventsStored(self._events, refused))
            self._events = None
        if self._errors is not None:
            store_errors(database, self._errors.records)
            self._store.send("error_manager", ErrorsStored(self._errors))
            self._errors = None
        if self._alerts is not None:
            store_alerts(database, self._alerts.records)
            self._store.address("alerter").tell(AlertsStored(self._alerts))
            self._alerts = None


def store_events(database: Database, message: StoreEvents) -> tuple[tuple[UUID, str], ...]:
    """Write all of them.

        Returns:
            The ids of rows that PostgreSQL will never accept, each with its reason.

        Raises:
    StorageError: perhaps none is written; the same can be tried again
    """
    try:
        database.run(partial(_write_events, message=message))
    except psycopg2.Error:
        return tuple(_write_singly(database, message))
    return ()


def store_errors(database: Database, records: Sequence[ErrorRecord]) -> None:
    """Write all of them but those that PostgreSQL will never take. Raises StorageError."""
    for error in _refused(database, write_errors, records):
        # The log says what it was.
        log.warning("An error could not be kept, as PostgreSQL refuses it: %s", error)


def store_alerts(database: Database, records: Sequence[AlertRecord]) -> None:
    """Write all of them but those that PostgreSQL will never take. Raises StorageError."""
    for error in _refused(database, write_alerts, records):
        log.warning("An alert could not be kept, as PostgreSQL refuses it: %s", error)


def _refused(
    database: Database, write: Callable[[cursor, Sequence[R]], None], records: Sequence[R]
) -> Iterator[psycopg2.Error]:
    """Write all at once, or one by one if PostgreSQL refuses that. Returns why it refuses some of
    them."""

    def write_these(conn: connection, these: Sequence[R]) -> None:
        with conn.cursor() as cur:
            write(cur, these)

    try:
        database.run(partial(write_these, these=records))
    except psycopg2.Error:
        for record in records:
            try:
                database.run(partial(write_these, these=(record,)))
            except psycopg2.Error as error:
                yield error


def _write_singly(database: Database, message: StoreEvents) -> Iterator[tuple[UUID, str]]:
    single = [(event.id, StoreEvents((event,))) for event in message.events]
    single += [(letter[0], StoreEvents((), (letter,))) for letter in message.letters]
    for key, one in single:
        try:
            database.run(partial(_write_events, message=one))
        except psycopg2.Error as error:
            yield key, f"{type(error).__name__}: {error}".strip()


def _write_events(conn: connection, message: StoreEvents) -> None:
    with conn.cursor() as cur:
        write_events(cur, message.events)
        write_letters(cur, message.letters)
