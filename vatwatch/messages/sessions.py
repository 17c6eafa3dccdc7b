"""To the sessions: the operator's login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pydantic import SecretStr

from vatwatch.access.sessions import NewSession, OperatorSession
from vatwatch.messages.shared import SettingsChanged
from vatwatch.supervision import Ask


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session, and whether anybody can log in at all."""

    session: OperatorSession | None
    login: bool


@dataclass(frozen=True, slots=True)
class LogIn(Ask[NewSession | None]):
    """http → sessions: begin a session, if this is the password; else None."""

    password: SecretStr


@dataclass(frozen=True, slots=True)
class LogOut(Ask[None]):
    """http → sessions: end this session, if there is one."""

    session_id: str


@dataclass(frozen=True, slots=True)
class FindSession(Ask[FoundSession]):
    """http → sessions: the session of this id, if it goes on."""

    session_id: str


ToSessions: TypeAlias = LogIn | LogOut | FindSession | SettingsChanged
