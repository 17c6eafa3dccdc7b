"""Authorization of requests that change something: an API key, a rate, a line in the audit log.

Reading needs no key. Every other request first calls `WriteAuthorization.require`, so a client
without a key learns nothing, and each attempt with a key has its line. `AuditTrail` writes the line
when the outcome is known.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import falcon

from vatwatch.config.access import AccessSettings
from vatwatch.http.audit import NOBODY, AuditLog
from vatwatch.http.params import require_declared
from vatwatch.http.rates import RateLimit

CHALLENGE = "Bearer"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request to change something."""

    who: str
    """The key's fingerprint; the key itself is never shown."""
    action: str


class WriteAuthorization:
    """Checks the keys, and counts how often each was used."""

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
        self._keys = [key.encode() for key in keys]
        self._rate = RateLimit(rate, redis_url=redis_url)
        self._redis_url = redis_url
        self.audit = AuditLog(audit_log)

    def change(self, access: AccessSettings) -> None:
        """Use these keys and this rate from now on; if the rate is the same, the counts are
        kept."""
        self._keys = [key.get_secret_value().encode() for key in access.api_keys]
        if access.write_rate != self._rate.text:
            self._rate = RateLimit(access.write_rate, redis_url=self._redis_url)

    def require(self, req: falcon.Request, action: str) -> str:
        """Let the request do `action`, or raise. Returns the fingerprint of the key.

        Raises:
            falcon.HTTPForbidden: there are no keys
            falcon.HTTPUnauthorized: no key, or a wrong one
            falcon.HTTPTooManyRequests: this key was used too often
            BadRequest: it has a parameter that its resource does not have
        """
        req.context.attempt = Attempt(NOBODY, action)
        who = self._identify(req)
        req.context.attempt = Attempt(who, action)
        allowance = self._rate.hit(who)
        if not allowance.allowed:
            raise falcon.HTTPTooManyRequests(
                description=f"One key may make {self._rate} (VATWATCH_WRITE_RATE). "
                f"Ask again in {allowance.reset_s} s.",
                retry_after=allowance.reset_s,
            )
        require_declared(req)
        return who

    def name(self, req: falcon.Request, action: str) -> None:
        """Describe an admitted request more exactly, after its body was read."""
        req.context.attempt = Attempt(req.context.attempt.who, action)

    def _identify(self, req: falcon.Request) -> str:
        if not self._keys:
            raise falcon.HTTPForbidden(
                description="Nothing can be changed: the service has no keys (VATWATCH_API_KEYS)."
            )
        scheme, _, given = (req.auth or "").partition(" ")
        # A header may contain any byte; as text these are surrogates or Latin-1.
        key = given.strip().encode("utf-8", "surrogateescape")
        # Every key is compared, so that the time reveals nothing.
        known = [hmac.compare_digest(key, one) for one in self._keys]
        if scheme.lower() != "bearer" or not any(known):
            raise falcon.HTTPUnauthorized(
                description="This needs an API key, as in `Authorization: Bearer KEY`; "
                "VATWATCH_API_KEYS has those of the service.",
                challenges=[CHALLENGE],
            )
        return sha256(key).hexdigest()[:8]


class AuditTrail:
    """Falcon's middleware: writes a line for each attempt when its outcome is known."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Write one line, if the request was to change something."""
        attempt: Attempt | None = getattr(req.context, "attempt", None)
        if attempt is None:
            return
        code = falcon.http_status_to_code(resp.status)
        outcome = f"done, {code}" if code < 400 else f"refused, {code}"
        if code >= 500:
            outcome = f"failed, {code}"
        client = getattr(req.context, "client", req.remote_addr)
        self._audit.attempt(attempt.who, client, attempt.action, outcome)
