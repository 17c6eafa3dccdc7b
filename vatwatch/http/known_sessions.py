"""The sessions that were used here lately, so that a request asks no actor as a rule."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from vatwatch.access.caller import Caller
from vatwatch.access.sessions import OperatorSession, caller_of_session, id_of
from vatwatch.http.known_keys import FRESH_S, Asking
from vatwatch.messages import FindSession

# An operator has a few.
MOST_SESSIONS = 256
# A token has 43 characters; longer texts are not looked up.
MOST_TOKEN_CHARS = 100


@dataclass(slots=True)
class _Known:
    session: OperatorSession
    fresh_until: float


class KnownSessions:
    """Finds the operator by the token in a cookie."""

    def __init__(self, service: Asking, clock: Callable[[], float] = monotonic) -> None:
        self._service = service
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def find(self, token: str) -> Caller | None:
        """The operator, if this session goes on. Raises SupervisionError."""
        if len(token) > MOST_TOKEN_CHARS:
            return None
        session_id = id_of(token)
        known = self._known.get(session_id)
        if known is None or self._clock() > known.fresh_until:
            session = self._service.ask("sessions", FindSession(session_id)).session
            if session is None:
                self._known.pop(session_id, None)
                return None
            self._known[session_id] = known = _Known(session, self._clock() + FRESH_S)
            while len(self._known) > MOST_SESSIONS:
                self._known.popitem(last=False)
        return _caller(known.session)

    def recall(self, token: str) -> Caller | None:
        """The operator, if the token was found here lately; good enough to count, not to let in."""
        known = self._known.get(id_of(token)) if len(token) <= MOST_TOKEN_CHARS else None
        return None if known is None else _caller(known.session)

    def forget(self) -> None:
        """Ask again for each, as one has ended."""
        self._known.clear()


def _caller(session: OperatorSession) -> Caller | None:
    return caller_of_session(session) if datetime.now(UTC) < session.expires_at else None
