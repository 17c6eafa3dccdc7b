"""Authorization: who may ask for what, and who may change what.

A resource declares in `scopes` which scope each of its methods needs. Reading needs none, unless a
resource says so or VATWATCH_PUBLIC_READS is off (`ReadAccess`). Every request that changes
something first calls `WriteAuthorization.require`, so a client without a key learns nothing, and
each attempt with a key has its line in the audit log. `AuditTrail` writes the line when the outcome
is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import falcon

from vatwatch.access.caller import Caller
from vatwatch.access.scopes import Scope, allows
from vatwatch.config.access import AccessSettings
from vatwatch.http.audit import NOBODY, AuditLog
from vatwatch.http.callers import Callers
from vatwatch.http.cookies import require_json, require_own_page
from vatwatch.http.params import READS, require_declared
from vatwatch.http.rates import Allowance, RateLimit

CHALLENGE = "Bearer"

Scopes: TypeAlias = Mapping[str, Scope | None]
"""The scope that each method of a resource needs. HEAD is as GET.

A GET that is not named is public while VATWATCH_PUBLIC_READS is on, and needs `read` otherwise;
with None it is always public. Any other method that is not named needs `admin`.
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request to change something."""

    who: str
    """As the audit log names the caller; a key itself is never shown."""
    action: str
    allowance: Allowance | None = None
    """How many changes the caller has left."""


def scope_of(resource: object, method: str, *, public_reads: bool = True) -> Scope | None:
    """The scope that this method of the resource needs; None: it is public."""
    scopes: Scopes = getattr(resource, "scopes", {})
    if method in READS:
        return scopes.get("GET", None if public_reads else Scope.READ)
    return scopes.get(method, Scope.ADMIN)


class WriteAuthorization:
    """Decides who may change something, and counts how often each did."""

    def __init__(
        self,
        keys: Sequence[str],
        *,
        rate: str,
        audit_log: Path | None = None,
        redis_url: str = "",
    ) -> None:
        """`rate` as in `30/minute`, of each key; counted in Redis with a `redis_url`.

        Without an `audit_log` its lines go only to the log.
        """
        self.callers = Callers(keys)
        self._rate = RateLimit(rate, redis_url=redis_url)
        self._redis_url = redis_url
        self.audit = AuditLog(audit_log)

    def change(self, access: AccessSettings) -> None:
        """Use these keys and this rate from now on; if the rate is the same, the counts are
        kept."""
        self.callers.use_keys([key.get_secret_value() for key in access.api_keys])
        if access.write_rate != self._rate.text:
            self._rate = RateLimit(access.write_rate, redis_url=self._redis_url)

    def require(self, req: falcon.Request, action: str) -> Caller:
        """Let the request do `action`, or raise. Returns who does it.

        Raises:
            falcon.HTTPForbidden: there are no keys, the key lacks the scope that is needed, or
                another site's page has sent the operator's cookie
            falcon.HTTPUnauthorized: no key, or one that may not be used
            falcon.HTTPUnsupportedMediaType: a body that a form could have sent, with a cookie
            falcon.HTTPTooManyRequests: this key was used too often
            BadRequest: it has a parameter that its resource does not have
            StorageError, SupervisionError: it cannot be found out now who it is
        """
        req.context.attempt = Attempt(NOBODY, action)
        if not self.callers.has_keys:
            raise falcon.HTTPForbidden(
                description="Nothing can be changed: the service has no keys (VATWATCH_API_KEYS)."
            )
        needed = getattr(req.context, "scope", Scope.ADMIN)
        caller = self.callers.of(req)
        if caller is None:
            raise unauthorized(needed)
        req.context.attempt = Attempt(caller.who, action)
        if not allows(caller.scopes, needed):
            raise forbidden(needed)
        if caller.by_cookie:
            require_own_page(req)
            require_json(req)
        allowance = self._rate.hit(caller.who)
        req.context.attempt = Attempt(caller.who, action, allowance)
        if not allowance.allowed:
            raise falcon.HTTPTooManyRequests(
                description=f"One key may make {self._rate} (VATWATCH_WRITE_RATE). "
                f"Ask again in {allowance.reset_s} s.",
                retry_after=allowance.reset_s,
            )
        require_declared(req)
        return caller

    def name(self, req: falcon.Request, action: str) -> None:
        """Describe an admitted request more exactly, after its body was read."""
        req.context.attempt = replace(req.context.attempt, action=action)


class ReadAccess:
    """Falcon's middleware: lets a read through, or asks for a key with the scope that it needs."""

    def __init__(self, callers: Callers, *, public_reads: bool) -> None:
        self._callers = callers
        self._public = public_reads

    def change(self, access: AccessSettings) -> None:
        """Use these settings from now on."""
        self._public = access.public_reads

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """For `admit` of what the router does not find."""
        req.context.read_access = self

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: object, _found: dict[str, Any]
    ) -> None:
        """Called for each route that was found."""
        self.admit(req, resource)

    def admit(self, req: falcon.Request, resource: object) -> None:
        """Let the request through to this resource, if it is a read; note what a write needs.

        Raises:
            falcon.HTTPUnauthorized: it needs a key
            falcon.HTTPForbidden: its key lacks the scope that is needed
            StorageError, SupervisionError: it cannot be found out now whose key it is
        """
        method = req.method
        needed = scope_of(resource, method, public_reads=self._public)
        if method not in READS:
            req.context.scope = needed
            return
        if needed is None or not hasattr(resource, "on_get"):
            return
        caller = self._callers.of(req)
        if caller is None:
            raise unauthorized(needed)
        if not allows(caller.scopes, needed):
            raise forbidden(needed)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, _succeeded: bool
    ) -> None:
        """What needed a key is for its owner alone, and no shared cache may give it to others."""
        if self._public and not getattr(resource, "scopes", None):
            return
        if scope_of(resource, req.method, public_reads=self._public) is None:
            return
        told = resp.get_header("Cache-Control")
        if told is None:
            resp.set_header("Cache-Control", "no-store")
        elif told.startswith("public"):
            resp.set_header("Cache-Control", f"private{told.removeprefix('public')}")


def unauthorized(needed: Scope | None) -> falcon.HTTPUnauthorized:
    """The answer to a request without a key that may be used."""
    what = "" if needed is None else f" with the scope {needed.value}"
    return falcon.HTTPUnauthorized(
        description=f"This needs an API key{what}, as in `Authorization: Bearer KEY`. `vatwatch "
        "keys create` makes one; those of VATWATCH_API_KEYS may do everything.",
        challenges=[CHALLENGE],
    )


def forbidden(needed: Scope) -> falcon.HTTPForbidden:
    """The answer to a key that lacks a scope (RFC 6750, 3.1)."""
    return falcon.HTTPForbidden(
        description=f"This key may not do that: it needs the scope {needed.value}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed.value}"'},
    )


class AuditTrail:
    """Falcon's middleware: writes a line for each attempt when its outcome is known."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Write one line, if the request was to change something; tell what is left of the rate."""
        attempt: Attempt | None = getattr(req.context, "attempt", None)
        if attempt is None:
            return
        if attempt.allowance is not None:
            attempt.allowance.tell(resp)
        code = falcon.http_status_to_code(resp.status)
        outcome = f"done, {code}" if code < 400 else f"refused, {code}"
        if code >= 500:
            outcome = f"failed, {code}"
        client = getattr(req.context, "client", req.remote_addr)
        self._audit.attempt(attempt.who, client, attempt.action, outcome)
