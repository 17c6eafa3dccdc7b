"""Keys: knows the API keys of the table, and makes and revokes them.

Receives  FindKey, ListKeys, CreateKey, RevokeKey, KeyUsed, ReadKeys, DatabaseReturned,
          SettingsChanged
Asks      postgres GetDsn, if the cluster is embedded
Sends     DatabaseReturned to store, history and subscriptions, ServiceReport
Holds     the keys as they were read last, the latest uses, one connection of its own
Restart   costs nothing, as the keys are handed over; after a second failure in a row they are read
          again, and until then nobody with such a key is let in
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, assert_never

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from vatwatch.access.api_keys import ApiKey
from vatwatch.actors.database import Database, expect_schema, open_database
from vatwatch.actors.service import Service
from vatwatch.config.breaker import BreakerSettings
from vatwatch.config.database import DatabaseSettings
from vatwatch.counting import counted
from vatwatch.errors import StorageError, TooManyQuestions
from vatwatch.messages import (
    CreateKey,
    DatabaseReturned,
    FindKey,
    KeyUsed,
    ListKeys,
    RevokeKey,
    SettingsChanged,
)
from vatwatch.messages.access_status import KeysStatus
from vatwatch.messages.keys import ToKeys
from vatwatch.monitoring.health import Health
from vatwatch.storage.key_table import insert_key, note_uses, read_keys, revoke_key
from vatwatch.supervision import Reply, Tell, Timer
from vatwatch.supervision.failures import text_of
from vatwatch.supervision.public_lane import PUBLIC_RETRY_S

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg2.extensions import connection

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReadKeys(Tell):
    """Look whether another process has made or revoked a key, and write the latest uses."""


Received: TypeAlias = ToKeys | ReadKeys

# How soon a key that was revoked elsewhere (another host, `vatwatch keys revoke`) is refused here.
# One small question in this time costs the database nothing.
READ_EVERY_S = 2.0
# Whoever tries keys at random makes the table be read this often at most.
LEAST_S = 0.25
# Questions that may wait for that.
MOST_WAITING = 64


class KeysActor(Service):
    """The API keys in the table. Those of the settings are not its business."""

    _database: Database

    def __init__(self, settings: DatabaseSettings, breaker: BreakerSettings) -> None:
        super().__init__()
        self._settings = settings
        self._breaker = breaker
        self._keys: dict[str, ApiKey] = {}
        # The latest use of each key that is not written yet.
        self._uses: dict[UUID, datetime] = {}
        self._reading = BoundedSemaphore(1)
        self._read_at: float | None = None
        self._waiting = 0
        self._timer: Timer | None = None
        self._last_error = ""
        self._since: datetime | None = None

    def on_start(self) -> None:
        self._keys = self.inherited(dict) or {}
        # One connection: it has little to do, and a slow question must not delay another part.
        self._database = open_database(
            self, self._settings, self._breaker, connections=1, prepare=expect_schema
        )
        self._look_soon(0)
        self._report()

    def on_stop(self) -> None:
        self._database.close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._database.close()

    def hand_over(self) -> object:
        return {**self._keys}

    def on_receive(self, message: Received) -> ApiKey | None:
        match message:
            case FindKey(hash_):
                return self._find(hash_)
            case ListKeys():
                self.spawn(self._answer, self._read_all, self.reply_later())
            case CreateKey(key):
                self.spawn(self._answer, partial(self._create, key), self.reply_later())
            case RevokeKey(key_id):
                self.spawn(self._answer, partial(self._revoke, key_id), self.reply_later())
            case KeyUsed(key_id, at):
                self._uses[key_id] = at
            case ReadKeys():
                self.spawn(self._look)
            case DatabaseReturned():
                self._database.reset()
                self._look_soon(0)
            case SettingsChanged():
                self._settings = message.settings.database
                self._breaker = message.settings.breaker
                self._database.change(self._settings, self._breaker)
            case _:
                assert_never(message)
        return None

    def _find(self, hash_: str) -> ApiKey | None:
        key = self._keys.get(hash_)
        if key is not None:
            return key if key.is_usable(datetime.now(UTC)) else None
        # It may be new, made by another process.
        reply = self.reply_later()
        if self._waiting < MOST_WAITING:
            self._waiting += 1
            self.spawn(self._find_in_table, hash_, reply)
        else:
            text = f"{counted(MOST_WAITING, 'unknown key')} are looked up already"
            reply.fail(TooManyQuestions(text, PUBLIC_RETRY_S))
        return None

    def _find_in_table(self, hash_: str, reply: Reply[ApiKey | None]) -> None:
        try:
            if reply.abandoned:
                reply.set(None)
            else:
                self._answer(partial(self._read_for, hash_), reply)
        finally:
            self._waiting -= 1

    def _read_for(self, hash_: str) -> ApiKey | None:
        self._read(not_before=monotonic())
        key = self._keys.get(hash_)
        return key if key is not None and key.is_usable(datetime.now(UTC)) else None

    def _read_all(self) -> tuple[ApiKey, ...]:
        self._read(not_before=monotonic())
        return tuple(self._keys.values())

    def _create(self, key: ApiKey) -> None:
        self._run(partial(insert_key, key=key))
        self._keys = {key.hash: key, **self._keys}
        self._report()

    def _revoke(self, key_id: UUID) -> ApiKey | None:
        key = self._run(partial(revoke_key, key_id=key_id, now=datetime.now(UTC)))
        if key is not None:
            self._keys = {**self._keys, key.hash: key}
        self._report()
        return key

    def _answer(self, work: Callable[[], Result], reply: Reply[Any]) -> None:
        """In a separate greenlet, so that this actor never waits for the database."""
        try:
            reply.set(work())
        except Exception as error:  # noqa: BLE001 - the asker gets it, and others do not notice
            reply.fail(error)

    def _read(self, *, not_before: float) -> None:
        """Read all keys, unless somebody has begun to read them after `not_before` (monotonic).

        Only one reads at a time, and the next waits for `LEAST_S`: all that ask meanwhile share it.
        """
        with self._reading:
            if self._read_at is not None:
                if self._read_at >= not_before:
                    return
                gevent.sleep(max(0.0, self._read_at + LEAST_S - monotonic()))
            began = monotonic()
            # What was made or revoked here meanwhile is newer than what is read.
            before = self._keys
            keys = {key.hash: key for key in self._run(read_keys)}
            mine = {h: key for h, key in self._keys.items() if before.get(h) is not key}
            self._keys = keys | mine
            self._read_at = began
            self._report()

    def _look(self) -> None:
        try:
            self._read(not_before=monotonic())
            self._note_uses()
        except (StorageError, psycopg2.Error):
            pass  # reported; the keys that are known stay
        self._look_soon(max(READ_EVERY_S, self._database.retry_in_s))

    def _note_uses(self) -> None:
        if not self._uses:
            return
        uses, self._uses = self._uses, {}
        try:
            self._run(partial(note_uses, uses=uses))
        except (StorageError, psycopg2.Error):
            self._uses = uses | self._uses
            raise

    def _look_soon(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.after(delay_s, ReadKeys())

    def _run(self, work: Callable[[connection], Result]) -> Result:
        try:
            result = self._database.run(work)
        except (StorageError, psycopg2.Error) as error:
            self._last_error = text_of(error)
            self._since = self._since or datetime.now(UTC)
            self._report()
            raise
        self._last_error, self._since = "", None
        return result

    def _report(self) -> None:
        """The service is degraded while the database is away: keys that are known go on working."""
        now = datetime.now(UTC)
        status = KeysStatus(
            keys=len(self._keys),
            usable=sum(key.is_usable(now) for key in self._keys.values()),
            last_error=self._last_error,
            since=self._since,
        )
        self.report(
            Health.DEGRADED if self._last_error else Health.HEALTHY, self._last_error, status
        )
