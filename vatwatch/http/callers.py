"""Who makes a request: the key in its header `Authorization`, or the operator's cookie."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import falcon

from vatwatch.access.caller import Caller, caller_of_settings
from vatwatch.http.cookies import token_of
from vatwatch.http.environ import AUTHORIZATION, PASSED_ON


class Finder(Protocol):
    """Finds who has a secret: `KnownKeys` for keys of the table, `KnownSessions` for cookies."""

    def find(self, text: str) -> Caller | None:
        """Who has it; None if nobody may. Raises StorageError or SupervisionError."""

    def recall(self, text: str) -> Caller | None:
        """Who has used it in the last minute. Never waits."""


class Nobody:
    """Finds nobody."""

    def find(self, text: str) -> Caller | None:  # noqa: ARG002
        """None."""
        return None

    def recall(self, text: str) -> Caller | None:  # noqa: ARG002
        """None."""
        return None


class Callers:
    """Finds the callers of requests: keys of the settings, and those of the table."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` of VATWATCH_API_KEYS. Those of the table are found once `table` is set, and the
        operator once `sessions` is.
        """
        self._keys: list[tuple[bytes, Caller]] = []
        self.table: Finder = Nobody()
        self.sessions: Finder = Nobody()
        self.use_keys(keys)

    def use_keys(self, keys: Sequence[str]) -> None:
        """Use these keys of the settings from now on."""
        encoded = [key.encode() for key in keys]
        self._keys = [(key, caller_of_settings(sha256(key).hexdigest()[:8])) for key in encoded]

    @property
    def has_keys(self) -> bool:
        """Whether any key could be right."""
        return bool(self._keys) or not isinstance(self.table, Nobody)

    def of(self, req: falcon.Request) -> Caller | None:
        """Who makes the request, known for sure; None if it has no key that may be used.

        Raises:
            StorageError: the key is not known here, and the table cannot be asked
            SupervisionError: the actor that knows it does not answer
        """
        passed_on = req.env.get(PASSED_ON)
        if passed_on is not None:
            known: Caller | None = passed_on.caller
            return known
        key = _key_of(req)
        if key is not None:
            return self._in_settings(key) or self.table.find(key.decode("utf-8", "replace"))
        token = token_of(req)
        return None if token is None else self.sessions.find(token)

    def counted_as(self, req: falcon.Request) -> Caller | None:
        """Who makes the request, as far as that is known without waiting; to count it."""
        key = _key_of(req)
        if key is not None:
            return self._in_settings(key) or self.table.recall(key.decode("utf-8", "replace"))
        token = token_of(req)
        return None if token is None else self.sessions.recall(token)

    def _in_settings(self, key: bytes) -> Caller | None:
        # Every key is compared, so that the time reveals nothing.
        found = [who for one, who in self._keys if hmac.compare_digest(key, one)]
        return found[0] if found else None


def _key_of(req: falcon.Request) -> bytes | None:
    given = req.env.get(AUTHORIZATION)
    if given is None:
        return None
    scheme, _, key = given.partition(" ")
    # Another scheme lets nobody in, with a cookie neither. A header may contain any byte; as text
    # these are surrogates or Latin-1.
    key = key.strip() if scheme.lower() == "bearer" else ""
    encoded: bytes = key.encode("utf-8", "surrogateescape")
    return encoded
