"""The operator's login: who am I, log in, log out."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import falcon
import msgspec
from msgspec import Struct
from pydantic import SecretStr

from vatwatch.access.caller import Caller
from vatwatch.access.passwords import MOST_PASSWORD_CHARS
from vatwatch.access.scopes import Scope
from vatwatch.access.sessions import OPERATOR, caller_of_session, id_of
from vatwatch.http.access import Attempt, Scopes, unauthorized
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.audit import NOBODY
from vatwatch.http.bounds import counted_as
from vatwatch.http.cookies import (
    forget_token,
    require_json,
    require_own_page,
    set_token,
    token_of,
)
from vatwatch.http.describe import Tag, describe
from vatwatch.http.environ import AUTHORIZATION
from vatwatch.http.known_sessions import KnownSessions
from vatwatch.http.params import require_declared
from vatwatch.http.problems import InvalidField
from vatwatch.http.rates import RateLimit
from vatwatch.http.request_bodies import read_fields, require_no_fields
from vatwatch.messages import FindSession, LogIn, LogOut

# A person mistypes a password a few times. All together may try more often, so that somebody who
# tries from a few addresses does not lock the operator out; a year has room for 16 million tries.
TRIES_OF_AN_ADDRESS, TRIES_OF_ALL = "5/minute", "30/minute"
# One after the other, a fifth of a second each.
LOGIN_TIMEOUT_S = 15.0


class WhoAmI(Struct, frozen=True):
    """Who makes the request, by its cookie or its key; nulls and no scopes: nobody."""

    who: str | None
    name: str | None
    scopes: tuple[Scope, ...]
    expires_at: datetime | None
    login: bool
    """Whether the operator can log in here: there is a password."""


class Password(Struct, frozen=True):
    """The body of a login."""

    password: str


class SessionResource(BaseResource):
    """The session of whoever asks."""

    scopes: ClassVar[Scopes] = {"GET": None, "POST": None, "DELETE": None}

    def __init__(self, service: AppContext, known: KnownSessions) -> None:
        self._service = service
        self._authorization = service.authorization
        self._known = known
        redis_url = service.redis_url
        self._by_address = RateLimit(TRIES_OF_AN_ADDRESS, redis_url=redis_url)
        self._by_all = RateLimit(TRIES_OF_ALL, redis_url=redis_url)

    @describe(
        "Who am I: by my key, or by the operator's cookie.",
        tag=Tag.ACCESS,
        answers={200: WhoAmI},
        problems=(401, 503),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Who am I: by the cookie or the key. A key that may not be used is a 401."""
        caller = self._authorization.callers.of(req)
        if caller is None and AUTHORIZATION in req.env:
            raise unauthorized(None)
        login = self._service.ask("sessions", FindSession("")).login
        self._tell(resp, caller, login=login)

    @describe(
        "Log in as the operator.",
        tag=Tag.ACCESS,
        answers={200: WhoAmI},
        problems=(401, 403, 404, 415, 422, 503),
        body=Password,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Log in with the operator's password; the answer sets the cookie."""
        req.context.attempt = Attempt(NOBODY, "log in")
        require_declared(req)
        if not self._service.ask("sessions", FindSession("")).login:
            raise falcon.HTTPNotFound(
                title="The login is off",
                description="Nobody can log in: the service has no "
                "VATWATCH_OPERATOR_PASSWORD_HASH (vatwatch keys hash-password).",
            )
        require_own_page(req)
        require_json(req)
        self._count(req)
        new = self._service.ask("sessions", LogIn(_password(req)), timeout_s=LOGIN_TIMEOUT_S)
        if new is None:
            raise falcon.HTTPUnauthorized(description="The password is wrong.")
        req.context.attempt = Attempt(OPERATOR, "log in")
        before = token_of(req)
        if before is not None:
            self._end(before)
        set_token(req, resp, new.token, new.session.expires_at)
        self._tell(resp, caller_of_session(new.session), login=True)

    @describe("Log out.", tag=Tag.ACCESS, answers={204: None}, problems=(403, 503))
    def on_delete(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Log out. Without a session nothing happens."""
        require_declared(req)
        token = token_of(req)
        if token is not None:
            req.context.attempt = Attempt(NOBODY, "log out")
            require_own_page(req)
            if self._known.find(token) is not None:
                req.context.attempt = Attempt(OPERATOR, "log out")
            require_no_fields(req)
            self._end(token)
            forget_token(req, resp)
        resp.status = falcon.HTTP_NO_CONTENT

    def _end(self, token: str) -> None:
        self._service.ask("sessions", LogOut(id_of(token)))
        self._known.forget()

    def _count(self, req: falcon.Request) -> None:
        """Count a try for its address, and then for all. Raises falcon.HTTPTooManyRequests."""
        address = counted_as(req.context.client)
        for rate, name, who in (
            (self._by_address, f"login/{address}", "One address"),
            (self._by_all, "login", "All addresses together"),
        ):
            allowance = rate.hit(name)
            if not allowance.allowed:
                raise falcon.HTTPTooManyRequests(
                    description=f"{who} may make {rate} to log in. "
                    f"Try again in {allowance.reset_s} s.",
                    retry_after=allowance.reset_s,
                )

    def _tell(self, resp: falcon.Response, caller: Caller | None, *, login: bool) -> None:
        resp.set_header("Cache-Control", "no-store")
        if caller is None:
            send_json(resp, WhoAmI(None, None, (), None, login))
            return
        scopes = tuple(scope for scope in Scope if scope in caller.scopes)
        send_json(resp, WhoAmI(caller.who, caller.name, scopes, caller.expires_at, login))


def _password(req: falcon.Request) -> SecretStr:
    try:
        given = read_fields(req, Password).password
    except msgspec.ValidationError as error:
        raise InvalidField("Not a valid login", f"{error}.", field="password") from error
    if not 1 <= len(given) <= MOST_PASSWORD_CHARS:
        raise InvalidField(
            "Not a valid login",
            f"The field `password` must have 1 to {MOST_PASSWORD_CHARS} characters.",
            field="password",
        )
    return SecretStr(given)
