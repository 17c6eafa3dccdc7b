"""Sessions: checks the operator's password, and knows who has logged in.

Receives  LogIn, LogOut, FindSession, CatchUpWithRedis, SettingsChanged
Sends     ServiceReport
Holds     the sessions that began or were used here; Redis has all of them, if there is one
Restart   costs nothing with Redis; without it the sessions are handed over, and a second failure in
          a row ends them
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, assert_never

import redis
from msgspec import Struct

from vatwatch.access.passwords import PasswordHash, read_hash
from vatwatch.access.sessions import OperatorSession, begin_session, fingerprint_of
from vatwatch.actors.breakers import redis_policy
from vatwatch.actors.service import Service
from vatwatch.errors import BreakerOpen, RedisUnavailable
from vatwatch.messages import FindSession, FoundSession, LogIn, LogOut, SettingsChanged
from vatwatch.messages.access_status import SessionsStatus
from vatwatch.messages.sessions import ToSessions
from vatwatch.monitoring.health import Health
from vatwatch.storage.session_store import SessionStore
from vatwatch.supervision import (
    CircuitBreaker,
    ContinueWithout,
    NativePool,
    Reply,
    Tell,
    Timer,
    WithBreaker,
)
from vatwatch.supervision.failures import text_of

if TYPE_CHECKING:
    from vatwatch.access.sessions import NewSession
    from vatwatch.config.access import AccessSettings
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.cache import CacheSettings

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CatchUpWithRedis(Tell):
    """Redis was away: tell it now what has happened meanwhile."""


Received: TypeAlias = ToSessions | CatchUpWithRedis

REDIS_FAILS = (RedisUnavailable, redis.RedisError)
# So soon a session that ended while Redis was away is ended in Redis, once that is back.
CATCH_UP_S = 5.0
# A password takes a fifth of a second. They come one after the other: many tries must not take all
# processors.
PASSWORD_S = 10.0
# More do not begin within a day, as tries are limited.
MOST_SESSIONS = 10_000


class SessionMemory(Struct):
    """What is handed over: sessions by id; whether Redis has to hear of each; and the ended ones
    that Redis may still have."""

    sessions: dict[str, OperatorSession] = {}
    untold: set[str] = set()
    ended: dict[str, datetime] = {}
    """Ids, and when each would have expired."""


class SessionsActor(Service):
    """The operator's sessions."""

    def __init__(
        self, access: AccessSettings, cache: CacheSettings, breaker: BreakerSettings
    ) -> None:
        super().__init__()
        self._url = "" if cache.redis_url is None else cache.redis_url.get_secret_value()
        self._store = SessionStore(self._url) if self._url else None
        self._breaker = breaker
        self._pool = NativePool(1, "passwords")
        self._known = SessionMemory()
        self._circuit_breaker: CircuitBreaker | None = None
        self._timer: Timer | None = None
        self._away = ""
        self._use(access)

    def on_start(self) -> None:
        self._known = self.inherited(SessionMemory) or SessionMemory()
        self._circuit_breaker = self.circuit_breaker(
            "Redis (sessions)", redis_policy(self._breaker, self._url), failure_types=REDIS_FAILS
        )
        self._catch_up_later()
        self._report()

    def on_stop(self) -> None:
        self._give_back()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._give_back()

    def hand_over(self) -> SessionMemory:
        known = self._known
        return SessionMemory({**known.sessions}, {*known.untold}, {**known.ended})

    def on_receive(self, message: Received) -> None:
        match message:
            case LogIn(password):
                self._aside(partial(self._log_in, password.get_secret_value()))
            case LogOut(session_id):
                self._aside(partial(self._log_out, session_id))
            case FindSession(session_id):
                self._aside(partial(self._find, session_id))
            case CatchUpWithRedis():
                self._timer = None
                self.spawn(self._catch_up)
            case SettingsChanged():
                self._breaker = message.settings.breaker
                if self._circuit_breaker is not None:
                    self._circuit_breaker.use_policy(redis_policy(self._breaker, self._url))
                self._use(message.settings.access)
                self._report()
            case _:
                assert_never(message)

    def _use(self, access: AccessSettings) -> None:
        given = access.operator_password_hash
        text = "" if given is None else given.get_secret_value()
        self._password: PasswordHash | None = read_hash(text) if text else None
        self._fingerprint = fingerprint_of(text)
        self._lasts = timedelta(hours=access.session_hours)

    def _aside(self, work: Callable[[], object]) -> None:
        """In a greenlet: neither a password nor a hanging Redis delays the next question."""
        self.spawn(self._answer, work, self.reply_later())

    def _answer(self, work: Callable[[], object], reply: Reply[Any]) -> None:
        try:
            reply.set(work())
        except Exception as error:  # noqa: BLE001 - the asker gets it, and others do not notice
            reply.fail(error)

    def _log_in(self, password: str) -> NewSession | None:
        hash_ = self._password
        if hash_ is None or not self._pool.run(hash_.fits, password, timeout_s=PASSWORD_S):
            return None
        if hash_ is not self._password:
            return None  # another one is in force since
        new = begin_session(datetime.now(UTC), self._lasts, self._fingerprint)
        self._remember(new.session)
        if self._store is not None:
            self._known.untold.add(new.session.id)
            self._tell(new.session)
        self._report()
        return new

    def _log_out(self, session_id: str) -> None:
        known = self._known.sessions.pop(session_id, None)
        self._known.untold.discard(session_id)
        if self._store is not None:
            until = datetime.now(UTC) + self._lasts if known is None else known.expires_at
            self._known.ended[session_id] = until
            self._end(session_id)
        self._report()

    def _find(self, session_id: str) -> FoundSession:
        session = self._look_up(session_id) if session_id and self._password else None
        if session is not None and not session.goes_on(datetime.now(UTC), self._fingerprint):
            self._known.sessions.pop(session_id, None)
            session = None
        return FoundSession(session, self._password is not None)

    def _look_up(self, session_id: str) -> OperatorSession | None:
        """Redis knows best, as a session may have ended on another host; if it is away, or has not
        heard of the session yet, what is known here counts."""
        known = self._known
        if session_id in known.ended:
            return None
        mine = known.sessions.get(session_id)
        if self._store is None or session_id in known.untold:
            return mine
        store = self._store
        answered, found = self._ask_redis(lambda: store.read(session_id))
        if not answered:
            return mine
        if found is None:
            known.sessions.pop(session_id, None)
        elif session_id not in known.ended:  # it may have ended while we asked
            self._remember(found)
        return found if session_id not in known.ended else None

    def _remember(self, session: OperatorSession) -> None:
        now, sessions = datetime.now(UTC), self._known.sessions
        for old in [one for one in sessions.values() if now >= one.expires_at]:
            del sessions[old.id]
        if len(sessions) < MOST_SESSIONS:
            sessions[session.id] = session

    def _tell(self, session: OperatorSession) -> None:
        store = self._store
        if store is not None and self._ask_redis(lambda: store.write(session))[0]:
            self._known.untold.discard(session.id)

    def _end(self, session_id: str) -> None:
        store = self._store
        if store is not None and self._ask_redis(lambda: store.delete(session_id))[0]:
            self._known.ended.pop(session_id, None)

    def _catch_up_later(self) -> None:
        if self._timer is None and (self._known.untold or self._known.ended):
            self._timer = self.after(CATCH_UP_S, CatchUpWithRedis())

    def _catch_up(self) -> None:
        now, known = datetime.now(UTC), self._known
        for session_id, until in [*known.ended.items()]:
            if now >= until:
                del known.ended[session_id]
            else:
                self._end(session_id)
        for session_id in [*known.untold]:
            session = known.sessions.get(session_id)
            if session is None or now >= session.expires_at:
                known.untold.discard(session_id)
            else:
                self._tell(session)

    def _ask_redis(self, work: Callable[[], Result]) -> tuple[bool, Result | None]:
        """Whether Redis has answered, and its answer."""
        assert self._circuit_breaker is not None
        failures: list[Exception] = []
        trying = self.recovery(
            "session",
            ContinueWithout((*REDIS_FAILS, BreakerOpen), failures.append),
            WithBreaker(self._circuit_breaker),
        )
        result = trying.call(work)
        before, self._away = self._away, text_of(failures[0]) if failures else ""
        if self._away:
            self._catch_up_later()
        if bool(before) != bool(self._away):
            self._report()
        return not failures, result

    def _report(self) -> None:
        status = SessionsStatus(
            login=self._password is not None,
            sessions=len(self._known.sessions),
            last_error=self._away,
        )
        self.report(Health.DEGRADED if self._away else Health.HEALTHY, self._away, status)

    def _give_back(self) -> None:
        self._pool.close()
        if self._store is not None:
            self._store.close()
