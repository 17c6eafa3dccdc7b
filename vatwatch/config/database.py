"""Settings: PostgreSQL."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import psycopg2
from psycopg2.extensions import parse_dsn
from pydantic import PositiveFloat, SecretStr

from vatwatch.config import addresses
from vatwatch.config.section import Section, checked, on_disk, setting

SCHEMES = ("postgresql", "postgres")
# The parameters of libpq 17 ("Parameter Key Words" in its manual).
PARAMETERS = frozenset(
    """
    application_name channel_binding client_encoding connect_timeout dbname
    fallback_application_name gssdelegation gssencmode gsslib host hostaddr keepalives
    keepalives_count keepalives_idle keepalives_interval krbsrvname load_balance_hosts
    options passfile password port replication require_auth requirepeer service ssl
    ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression
    sslcrl sslcrldir sslkey sslmode sslnegotiation sslpassword sslrootcert sslsni
    target_session_attrs tcp_user_timeout user
    """.split()  # noqa: SIM905 - shorter, and can be read
)
# Parameters that libpq checks only when it connects, and then at each try.
VALUES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "load_balance_hosts": ("disable", "random"),
    "ssl_min_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
}
# Of several servers: vatwatch writes, so it cannot use a standby; reads may go to any.
SERVERS = ("any", "read-write", "primary")
SERVERS_TO_READ = (*SERVERS, "read-only", "standby", "prefer-standby")
NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
)
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")


def postgresql(address: str) -> None:
    """An address to write to, which libpq accepts and can use. Raises ValueError, which quotes
    nothing of it."""
    _checked(address, SERVERS)


def postgresql_to_read(address: str) -> None:
    """The same for an address that is only read from."""
    _checked(address, SERVERS_TO_READ)


def _checked(address: str, servers: tuple[str, ...]) -> None:
    scheme, colon, rest = address.partition("://")
    if not colon or scheme not in SCHEMES or not rest.strip("/"):
        allowed = " or ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"must be an address that begins with {allowed}")
    addresses.no_space(address)
    addresses.no_bare_percent(address)
    if "%00" in address:
        raise ValueError("has a %00 in it, which PostgreSQL does not take")
    _credentials(rest)
    _parameters(rest.partition("?")[2] if "@" not in rest.partition("?")[2] else "")
    try:
        parsed = parse_dsn(address)
    except psycopg2.ProgrammingError:
        # Its text quotes the unreadable part, which may be of the password.
        raise ValueError(
            f"cannot be read ({addresses.IN_A_PASSWORD} every special character percent-encoded)"
        ) from None
    _hosts(parsed)
    _values(parsed, {**VALUES, "target_session_attrs": servers})


def _credentials(rest: str) -> None:
    """libpq ends user and password at the first @, if no / stands before it."""
    authority = rest.partition("/")[0]
    behind = rest[len(authority) :].partition("?")[0]
    if authority.partition("?")[0].count("@") > 1 or authority.count("@") > 1:
        raise ValueError(f"has more than one @: {addresses.IN_A_PASSWORD} @ as %40")
    if "@" in behind:
        raise ValueError(f"has a / before its @: {addresses.IN_A_PASSWORD} / as %2F")


def _parameters(query: str) -> None:
    for name, _ in addresses.parameters(query):
        if name not in PARAMETERS:
            raise ValueError(addresses.unknown_parameter(name, PARAMETERS))


def _hosts(parsed: Mapping[str, str]) -> None:
    hosts = parsed.get("host", "").split(",")
    ports = parsed.get("port", "").split(",")
    for host in hosts:
        if host and not host.startswith(("/", "@")):  # the directory of a socket
            addresses.host_name(host)
    for port in ports:
        if port:
            addresses.port(port)
    if len(ports) > 1 and len(ports) != len(hosts):
        raise ValueError("has not as many ports as hosts")
    if any(ports) and not any(hosts) and "hostaddr" not in parsed:
        raise ValueError("has a port and no host")
    if "@" in parsed.get("dbname", "") and "user" not in parsed:
        raise ValueError(f"has a / before its @: {addresses.IN_A_PASSWORD} / as %2F")


def _values(parsed: Mapping[str, str], values: Mapping[str, tuple[str, ...]]) -> None:
    for name, allowed in values.items():
        if name in parsed and parsed[name] not in allowed:
            raise ValueError(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}")
    for name in NUMBERS:
        if name in parsed and not re.fullmatch(r"-?[0-9]{1,9}", parsed[name]):
            raise ValueError(f"{name} must be a whole number")
    for name in FILES:
        value = parsed.get(name)
        if value and not (name == "sslrootcert" and value == "system") and not _readable(value):
            raise ValueError(f"{name} must be a file that exists and can be read")


def _readable(file: str) -> bool:
    return Path(file).is_file() and os.access(file, os.R_OK)


def _bindir(value: Path) -> Path:
    if not value.is_dir():
        raise ValueError("must be a directory that exists")
    missing = [name for name in ("postgres", "initdb") if not os.access(value / name, os.X_OK)]
    if missing:
        raise ValueError(f"must be a directory with PostgreSQL's programs; no {missing[0]} in it")
    return value.absolute()  # the programs are started in another directory


class DatabaseSettings(Section):
    """PostgreSQL."""

    url: Annotated[SecretStr, checked(postgresql)] | None = setting(
        "DATABASE_URL", None, "Where PostgreSQL is; unset: an embedded cluster in VATWATCH_HOME."
    )
    lock_url: Annotated[SecretStr, checked(postgresql)] | None = setting(
        "DATABASE_LOCK_URL",
        None,
        "The same database past a pooler, for the lock of the process that collects; unset: as "
        "DATABASE_URL.",
    )
    read_url: Annotated[SecretStr, checked(postgresql_to_read)] | None = setting(
        "DATABASE_READ_URL",
        None,
        "Streaming replicas that questions about the past go to; unset: they go to DATABASE_URL.",
    )
    read_max_lag_s: PositiveFloat = setting(
        "DATABASE_READ_MAX_LAG",
        30.0,
        "How far a replica may lag behind; beyond it, reads go to DATABASE_URL.",
        unit="s",
        reload=True,
    )
    max_connections: int = setting(
        "DATABASE_MAX_CONNECTIONS",
        20,
        "Connections of one worker, two of them to write; as many again, without those that write, "
        "to DATABASE_READ_URL.",
        ge=3,
        # PostgreSQL's own bound of max_connections.
        le=262_143,
    )
    timeout_s: PositiveFloat = setting(
        "DATABASE_TIMEOUT", 30.0, "How long one transaction may take.", unit="s", reload=True
    )
    bindir: Annotated[Path, on_disk(_bindir)] | None = setting(
        "VATWATCH_POSTGRES_BINDIR",
        None,
        "Where the embedded cluster's binaries are; unset: they are looked for.",
    )

    @property
    def way_to_lock(self) -> tuple[str, str] | None:
        """The address for the collector's lock, a secret, and the setting it is from; None for the
        embedded database."""
        if self.url is None:
            return None
        if self.lock_url is None:
            return self.url.get_secret_value(), "DATABASE_URL"
        return self.lock_url.get_secret_value(), "DATABASE_LOCK_URL"

    @property
    def is_embedded(self) -> bool:
        """Whether PostgreSQL is our own child."""
        return self.url is None
