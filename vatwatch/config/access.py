"""Settings: access to the API, rates, keys."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

import limits
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from vatwatch.access.passwords import read_hash
from vatwatch.config.section import SecretList, Section, Switch, TextList, checked, listed, setting

# A rate of zero would lock out the operator who wants to change it; `off` means no limit.
RATES = range(1, 10**9 + 1)
# A counter in Redis lives as long as its window, and Redis limits the lifetime.
LONGEST_WINDOW_S = 366 * 24 * 3600


def _rate(text: str) -> None:
    try:
        (rate,) = limits.parse_many(text)
    except ValueError as error:
        raise ValueError("must be a rate such as 30/minute") from error
    if rate.amount not in RATES or rate.get_expiry() > LONGEST_WINDOW_S:
        raise ValueError(
            "must be a rate such as 30/minute, with 1 to 1000000000 requests in a year at most"
        )


def _rate_or_off(value: Any) -> str | None:
    """None for `off`: no bound."""
    if value is None or str(value).strip().lower() in ("off", "false", "0"):
        return None
    text = str(value)
    try:
        _rate(text)
    except ValueError as error:
        raise ValueError(f"{error}; or off") from error
    return text


def networks(value: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks. Raises ValueError with the expected form."""
    for one in value:
        try:
            ip_network(one)
        except ValueError as error:
            raise ValueError("must be addresses or networks such as 10.0.0.0/8") from error
    return value


def _origins(value: Any) -> tuple[str, ...] | None:
    """None for `off`; `*` alone for every origin."""
    if value is None or str(value).strip().lower() in ("off", "false", "0"):
        return None
    given = listed(value)
    if given == ["*"]:
        return ("*",)
    return tuple(_origin(one) for one in given)


def _origin(text: str) -> str:
    """As browsers send it (RFC 6454, 6.2): lower case, and no port that is the scheme's own."""
    wrong = ValueError("must be origins such as https://example.org, without a path; *; or off")
    try:
        parts = urlsplit(text.lower())
        port = parts.port
    except ValueError:
        raise wrong from None
    own = {"http": 80, "https": 443}
    if parts.scheme not in own or not parts.hostname or "*" in parts.netloc or "@" in parts.netloc:
        raise wrong
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise wrong
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, own[parts.scheme]) else f":{port}")


def _keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # For the whole list, not for each key: errors quote the value, and a key is a secret.
    for number, key in enumerate(value, 1):
        text = key.get_secret_value()
        if not text.isprintable() or " " in text:
            raise ValueError(f"number {number} has a space, a line break or a control character")
    return value


def _password_hash(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        read_hash(value.get_secret_value())
    return value


class AccessSettings(Section):
    """Who may ask, how often, and who may change anything."""

    api_keys: Annotated[SecretList, AfterValidator(_keys)] = setting(
        "VATWATCH_API_KEYS",
        (),
        "API keys with all rights, separated by commas; `vatwatch keys create` makes others. A "
        "request that changes something needs a key.",
        secret=True,
        reload=True,
    )
    operator_password_hash: Annotated[SecretStr | None, AfterValidator(_password_hash)] = setting(
        "VATWATCH_OPERATOR_PASSWORD_HASH",
        None,
        "Lets the operator log in at /api/session with a password: what `vatwatch keys "
        "hash-password` prints. Unset: nobody can log in. Another value ends all sessions.",
        secret=True,
        reload=True,
    )
    session_hours: Annotated[float, Field(gt=0, le=24 * 31)] = setting(
        "VATWATCH_SESSION_HOURS",
        12.0,
        "How long a login lasts.",
        unit="h",
        reload=True,
    )
    write_rate: Annotated[str, checked(_rate)] = setting(
        "VATWATCH_WRITE_RATE", "30/minute", "How many changes one key may make.", reload=True
    )
    read_rate: Annotated[str | None, BeforeValidator(_rate_or_off)] = setting(
        "VATWATCH_READ_RATE",
        "12000/minute",
        "How many requests one client may make: far more than any page or bot needs; `off`: no "
        "limit.",
        reload=True,
    )
    key_rate: Annotated[str | None, BeforeValidator(_rate_or_off)] = setting(
        "VATWATCH_KEY_RATE",
        "12000/minute",
        "How many requests one key may make; they do not count for its address. `off`: no limit.",
        reload=True,
    )
    public_reads: Switch = setting(
        "VATWATCH_PUBLIC_READS",
        True,
        "Whether reading needs no key. If off, a key with the scope `read` is needed for "
        "everything but /healthz, /readyz and the documents.",
        reload=True,
    )
    cors_origins: Annotated[tuple[str, ...] | None, BeforeValidator(_origins)] = setting(
        "VATWATCH_CORS_ORIGINS",
        ("*",),
        "Which web pages may read the API in a browser: `*` for all, origins such as "
        "https://example.org, separated by commas, or `off`. Writing is never allowed to them.",
        reload=True,
    )
    trusted_proxies: Annotated[TextList, AfterValidator(networks)] = setting(
        "VATWATCH_TRUSTED_PROXIES",
        (),
        "Addresses or networks of proxies in front of the service, separated by commas: in their "
        "requests, X-Forwarded-For says who the client is.",
        reload=True,
    )
    faults: Switch = setting(
        "VATWATCH_FAULTS",
        False,
        "Whether faults may be injected. Only for staging systems.",
        reload=True,
    )
