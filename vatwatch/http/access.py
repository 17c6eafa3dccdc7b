"""Who may change anything: a key, not too often, and with a line in the audit log.

Reading is free; everything else calls `Access.admit` first.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import falcon
import limits
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

log = logging.getLogger("vatwatch.audit")

CHALLENGE = "Bearer"


class Access:
    """Knows the keys, and how often each was used."""

    def __init__(self, keys: Sequence[str], *, rate: str, audit_log: Path | None = None) -> None:
        """`rate` as in `30/minute`; without an `audit_log` the line goes to the log alone."""
        self._keys = [key.encode() for key in keys]
        self._rate = limits.parse(rate)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._audit_log = audit_log

    def admit(self, req: falcon.Request, action: str) -> str:
        """Let the request do `action`, or say why not; the fingerprint of the key.

        Raises:
            falcon.HTTPForbidden: there are no keys
            falcon.HTTPUnauthorized: no key, or a wrong one
            falcon.HTTPTooManyRequests: this key was used too often
        """
        who = "nobody"
        try:
            who = self._identify(req)
            self._limit(who)
        except falcon.HTTPError as refusal:
            code = falcon.http_status_to_code(refusal.status)
            self._audit(req, who, f"{action}: refused, {code}")
            raise
        self._audit(req, who, action)
        return who

    def _identify(self, req: falcon.Request) -> str:
        """The key's fingerprint: the key itself is nowhere to be read."""
        if not self._keys:
            raise falcon.HTTPForbidden(
                description="Nothing can be changed here: the service has no VATWATCH_API_KEYS."
            )
        scheme, _, given = (req.auth or "").partition(" ")
        # A header may hold any byte; as text these are surrogates or Latin-1.
        key = given.strip().encode("utf-8", "surrogateescape")
        # Every key is compared, so that the time tells nothing.
        known = [hmac.compare_digest(key, one) for one in self._keys]
        if scheme.lower() != "bearer" or not any(known):
            raise falcon.HTTPUnauthorized(
                description="This needs a key: Authorization: Bearer KEY, with one of the "
                "service's VATWATCH_API_KEYS.",
                challenges=[CHALLENGE],
            )
        return sha256(key).hexdigest()[:8]

    def _limit(self, who: str) -> None:
        if not self._limiter.hit(self._rate, who):
            reset_at, _ = self._limiter.get_window_stats(self._rate, who)
            wait_s = max(1, round(reset_at - datetime.now(UTC).timestamp()))
            raise falcon.HTTPTooManyRequests(
                description=f"At most {self._rate} with one key.", retry_after=wait_s
            )

    def _audit(self, req: falcon.Request, who: str, action: str) -> None:
        line = f"key {who} from {req.remote_addr}: {action}"
        log.info(line)
        if self._audit_log is None:
            return
        try:
            with self._audit_log.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
        except OSError as error:
            # What was asked for may be what mends the disk.
            log.warning("the audit log cannot be written: %s", error)
