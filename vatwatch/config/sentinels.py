"""The form of an address that names sentinels, which know the master of a Redis.

    redis+sentinel://user:password@host:26379,host:26379/service/0?sentinel_password=...

It is the one that other programs use, too. User and password are Redis' own; those of the sentinels
are parameters. `rediss+sentinel://` is TLS to all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEMES = ("redis+sentinel", "rediss+sentinel")
PORT = 26379
# Those that only this form has. The others are those of any address of Redis.
PARAMETERS = frozenset({"sentinel_password", "sentinel_username"})
EXAMPLE = "redis+sentinel://host:26379,host:26379/mymaster/0"

_FORM = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?:(?P<user>[^@/?#]*)@)?(?P<hosts>[^@/?#]+)"
    r"/(?P<service>[^@/?#]+)(?:/(?P<database>[^@/?#]*))?(?:\?(?P<query>[^@#]*))?",
    re.IGNORECASE,
)
# Either the address of IPv6 in brackets, or a name.
_HOST = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>.*))?")


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Such an address in its pieces, still percent-encoded. They may be wrong."""

    scheme: str
    """`redis` or `rediss`."""
    user: str
    """User and password of Redis: what is before the @."""
    hosts: str
    service: str
    database: str
    query: str

    @property
    def sentinels(self) -> tuple[tuple[str, str], ...]:
        """Host and port of each. A host that cannot be read is empty."""
        found = []
        for text in self.hosts.split(","):
            match = _HOST.fullmatch(text)
            host = "" if match is None else match["v6"] or match["name"] or ""
            port = None if match is None else match["port"]
            found.append((host, str(PORT) if port is None else port))
        return tuple(found)

    @property
    def of_a_server(self) -> str:
        """The same as the address of one server: as redis-py reads user, database and parameters.
        Its host means nothing."""
        user = f"{self.user}@" if self.user else ""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{user}sentinels/{self.database}{query}"


def is_of_sentinels(address: str) -> bool:
    """Whether it begins as such an address."""
    return address.partition("://")[0].lower() in SCHEMES


def read(address: str) -> SentinelAddress | None:
    """Its pieces; None if it has another form, or can be read in several ways."""
    match = _FORM.fullmatch(address)
    if match is None:
        return None
    return SentinelAddress(
        match["scheme"].lower(),
        match["user"] or "",
        match["hosts"],
        match["service"],
        match["database"] or "",
        match["query"] or "",
    )
