"""The operator's password: how its hash is written, made and compared.

The hash is `scrypt:N:R:P:SALT:HASH`, salt and hash in base64 for URLs (RFC 7914 has the numbers).
There is no `$` in it, which shells, `.env` files and Docker Compose would replace.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

# 16 MiB, and a fifth of a second for each try: one of the choices for scrypt in OWASP's Password
# Storage Cheat Sheet. Tries are limited besides.
N, R, P = 2**14, 8, 5
SALT_BYTES, HASH_BYTES = 16, 32
# A hash that takes more memory would let whoever tries passwords fill it.
MOST_MEMORY_BYTES = 256 * 1024 * 1024
MOST_PASSWORD_CHARS = 1024
LEAST_PASSWORD_CHARS = 10
_FORM = re.compile(
    r"scrypt:(\d{1,7}):(\d{1,3}):(\d{1,3}):([A-Za-z0-9_-]{11,86}):([A-Za-z0-9_-]{43})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is kept of a password."""

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    def fits(self, password: str) -> bool:
        """Whether it is the hash of this password. Takes a fifth of a second: call it in
        a native thread."""
        return hmac.compare_digest(self.hash, _scrypt(password, self.n, self.r, self.p, self.salt))

    @property
    def text(self) -> str:
        """As the setting has it."""
        return f"scrypt:{self.n}:{self.r}:{self.p}:{_encoded(self.salt)}:{_encoded(self.hash)}"


def hash_password(password: str) -> PasswordHash:
    """A hash with a salt of its own. Takes a fifth of a second."""
    salt = secrets.token_bytes(SALT_BYTES)
    return PasswordHash(N, R, P, salt, _scrypt(password, N, R, P, salt))


def read_hash(text: str) -> PasswordHash:
    """Read a hash as it is written. Raises ValueError, without the text."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("must be what `vatwatch keys hash-password` prints")
    n, r, p = int(found[1]), int(found[2]), int(found[3])
    if n < 2 or n & (n - 1) or not r or not p or 128 * n * r * p > 4 * MOST_MEMORY_BYTES:
        raise ValueError("has numbers that scrypt does not take, or that take too long")
    if 128 * r * (n + p) > MOST_MEMORY_BYTES:
        raise ValueError("needs more than 256 MiB of memory for each try")
    try:
        return PasswordHash(n, r, p, _decoded(found[4]), _decoded(found[5]))
    except (binascii.Error, ValueError):
        raise ValueError("must be what `vatwatch keys hash-password` prints") from None


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=n,
        r=r,
        p=p,
        maxmem=2 * MOST_MEMORY_BYTES,
        dklen=HASH_BYTES,
    )


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
