"""Addresses: checks them, and masks them for display.

Error texts quote nothing of the address: if a special character in a password is not
percent-encoded, any piece of the address may be a piece of the password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import SplitResult, unquote, urlsplit

import requests

from vatwatch.config import sentinels
from vatwatch.redaction import MASK

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Letters, digits, dots and hyphens (RFC 1123), and underscores, which containers' names have.
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_SECRET_PARAMETER = re.compile(r"((?:^|&)\w*(?:pass|key|token|secret|auth)\w*=)[^&]*", re.I)

IN_A_PASSWORD = "in a user or a password write"  # noqa: S105 - a piece of a sentence
REDIS_SCHEMES = ("redis", "rediss", "unix", *sentinels.SCHEMES)
# redis-py passes parameters to the connection, which refuses an unknown one only at each try. These
# are the parameters of its connection and pool that accept a text.
REDIS_PARAMETERS = frozenset(
    """
    client_name db health_check_interval max_connections password protocol retry_on_timeout
    socket_connect_timeout socket_keepalive socket_read_size socket_timeout ssl_ca_certs
    ssl_ca_path ssl_cert_reqs ssl_certfile ssl_check_hostname ssl_ciphers ssl_keyfile
    ssl_min_version ssl_password username
    """.split()  # noqa: SIM905 - shorter, and can be read
)
_WHOLE_NUMBERS = frozenset({"db", "health_check_interval", "max_connections", "socket_read_size"})
_NUMBERS = frozenset({"socket_connect_timeout", "socket_timeout"})
_CERT_REQS = ("none", "optional", "required")


def http(address: str) -> None:
    """An address that requests accepts. Raises ValueError with the expected form."""
    _begins_with(address, ("http", "https"))
    no_space(address)
    no_bare_percent(address)
    parts = _split(address)
    if parts.fragment:
        raise ValueError(f"has a # in it: {IN_A_PASSWORD} %23")
    _host(parts)
    try:
        requests.Request("GET", address).prepare()
    except UnicodeEncodeError:
        raise ValueError("has a user or a password that HTTP cannot send: beyond Latin-1") from None
    except (requests.RequestException, ValueError):
        raise ValueError("is not an address that can be asked") from None


def webhook(address: str) -> None:
    """The same; its error names https first. Raises ValueError."""
    if urlsplit_or_none(address) is None or not address.lower().startswith(("https:", "http:")):
        raise ValueError("must be an address that begins with https:// or http://")
    http(address)


def redis(address: str) -> None:
    """An address that redis-py reads as intended. Raises ValueError with the expected form."""
    _begins_with(address, REDIS_SCHEMES)
    no_space(address)
    if sentinels.is_of_sentinels(address):
        _of_sentinels(address)
        return
    parts = _split(address)
    if parts.fragment:
        raise ValueError(f"has a # in it: {IN_A_PASSWORD} %23")
    if "@" in parts.path + parts.query:
        raise ValueError(f"has a / or a ? before its @: {IN_A_PASSWORD} %2F or %3F")
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("names no socket: unix:///run/redis/redis.sock?db=0")
    else:
        if parts.netloc or not parts.path.strip("/"):
            _host(parts)
        database = unquote(parts.path).strip("/")
        if database and not re.fullmatch(r"[0-9]{1,9}", database):
            raise ValueError("must end in the number of a database: redis://host:6379/0")
    _redis_parameters(parts.query, REDIS_PARAMETERS)


def _of_sentinels(address: str) -> None:
    rest = address.partition("://")[2]
    if "#" in rest:
        raise ValueError(f"has a # in it: {IN_A_PASSWORD} %23")
    if re.search(r"[/?].*@", rest):
        raise ValueError(f"has a / or a ? before its @: {IN_A_PASSWORD} %2F or %3F")
    if rest.count("@") > 1:
        raise ValueError(f"has more than one @: {IN_A_PASSWORD} %40")
    found = sentinels.read(address)
    if found is None:
        path = rest.partition("?")[0].partition("/")[2].strip("/")
        if "/" in path:
            raise ValueError(f"must end in the number of a database: {sentinels.EXAMPLE}")
        raise ValueError(f"names no sentinel or no service behind them: {sentinels.EXAMPLE}")
    for host, its_port in found.sentinels:
        host_name(host)
        port(its_port)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", found.service):
        raise ValueError("has a service that is no name (letters, digits, dots, _ and -)")
    if not re.fullmatch(r"[0-9]{0,9}", found.database):
        raise ValueError(f"must end in the number of a database: {sentinels.EXAMPLE}")
    _redis_parameters(found.query, REDIS_PARAMETERS | sentinels.PARAMETERS)


def _redis_parameters(query: str, known: frozenset[str]) -> None:
    for name, value in parameters(query):
        if name not in known:
            raise ValueError(unknown_parameter(name, known))
        if name in _WHOLE_NUMBERS and not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError(f"{name} must be a whole number")
        if name in _NUMBERS and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
            raise ValueError(f"{name} must be a number of seconds")
        if name == "protocol" and value not in ("2", "3"):
            raise ValueError("protocol must be 2 or 3")
        if name == "ssl_cert_reqs" and value not in _CERT_REQS:
            raise ValueError(f"ssl_cert_reqs must be {' or '.join(_CERT_REQS)}")


def parameters(query: str) -> list[tuple[str, str]]:
    """Name and value of each parameter, decoded; those without a value have an empty one."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """The error for an unknown parameter; it has the name only if that is a near match, since it
    may be part of a password."""
    # Two swapped letters have a similarity of one half: `bd` for `db`.
    close = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    if close and re.fullmatch(r"[A-Za-z_]{1,40}", name):
        return f"has an unknown parameter {name} (did you mean {close[0]}?)"
    return "has a parameter behind its ? that is unknown"


def port(text: str) -> None:
    """A port of TCP. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError(
            f"has a port that is not a number from 1 to 65535 ({IN_A_PASSWORD} : as %3A, "
            "/ as %2F, # as %23)"
        )


def host_name(text: str) -> None:
    """A name that can be looked up, or an IP address. Raises ValueError."""
    if not _HOST.fullmatch(text) and not _is_ip(text):
        raise ValueError(
            f"has a host that is neither a name nor an address ({IN_A_PASSWORD} @ as %40, / as %2F)"
        )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def masked(address: str) -> str:
    """An address for people, with passwords masked everywhere.

    A text that cannot be read as an address is masked completely.
    """
    if sentinels.is_of_sentinels(address):
        return _masked_of_sentinels(address)
    try:
        parts = urlsplit(address)
        password, _ = parts.password, parts.port
    except ValueError:
        return MASK
    if not parts.scheme or parts.fragment or "@" in parts.path + parts.query:
        return MASK
    shown = address
    userinfo, at, host = parts.netloc.rpartition("@")
    if at:
        # Without a password, the user is often a token; but PostgreSQL's user is a user.
        user = parts.username or ""
        is_user = parts.scheme in ("postgres", "postgresql")
        who = f"{user}:{MASK}" if password else user if is_user else MASK
        shown = shown.replace(f"//{userinfo}@{host}", f"//{who}@{host}", 1)
    if parts.query:
        query = (
            _SECRET_PARAMETER.sub(rf"\1{MASK}", parts.query)
            if parts.scheme not in ("http", "https")
            else MASK
        )
        shown = f"{shown.partition('?')[0]}?{query}"
    return shown


def _masked_of_sentinels(address: str) -> str:
    # urllib knows no address with several hosts.
    found = sentinels.read(address)
    shown = MASK if found is None else masked(found.of_a_server)
    if found is None or shown == MASK:
        return MASK
    try:
        for host, its_port in found.sentinels:
            host_name(host)
            port(its_port)
    except ValueError:
        return MASK  # what stands there may be a piece of a password
    before, _, behind = shown.removeprefix(f"{found.scheme}://").partition("sentinels/")
    path = f"{found.hosts}/{found.service}" + (f"/{behind}" if found.database else behind)
    return f"{found.scheme}+sentinel://{before}{path}"


def urlsplit_or_none(address: str) -> SplitResult | None:
    """Its parts, if it has a scheme, a host and a port that is a number."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.scheme and parts.hostname else None


def _begins_with(address: str, schemes: tuple[str, ...]) -> None:
    scheme, colon, rest = address.partition("://")
    if not colon or scheme.lower() not in schemes or not rest.strip("/"):
        allowed = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must be an address that begins with {allowed}")


def no_space(address: str) -> None:
    """Check that there are no spaces, line breaks and control characters. Raises ValueError."""
    if not address.isprintable() or any(char.isspace() for char in address):
        raise ValueError("has a space, a line break or a control character in it: encode it (%20)")


def no_bare_percent(address: str) -> None:
    """Check that each % begins an encoded character. Raises ValueError."""
    if _BARE_PERCENT.search(address):
        raise ValueError(f"has a % that encodes nothing: {IN_A_PASSWORD} % as %25")


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError("is not an address (only an IPv6 host stands in [ ])") from None
    try:
        _ = parts.port
    except ValueError:
        port("none")
    return parts


def _host(parts: SplitResult) -> None:
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.hostname.isascii():
        host_name(parts.hostname)
    if parts.port is not None:
        port(str(parts.port))
