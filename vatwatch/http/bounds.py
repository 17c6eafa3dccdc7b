"""Requests that are refused before any resource sees them: bad method, too large, too many.

Headers are bounded by gunicorn (a request line of 4,094 bytes, 100 fields of 8,190).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import falcon

from vatwatch.config.access import AccessSettings
from vatwatch.http.callers import Callers
from vatwatch.http.environ import AUTHORIZATION, CLIENT, COOKIE, FORWARDED, PASSED_ON
from vatwatch.http.rates import RateLimit
from vatwatch.http.request_bodies import MAX_BODY_BYTES, too_large

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
"""RFC 9110, section 9, and RFC 5789."""
# A monitor must not be refused because another client with the same address asks too much.
UNLIMITED = frozenset({"/healthz", "/readyz"})
# One household or host has a network of this size (RFC 6177) and may use any address in it.
IPV6_PREFIX_BITS = 64
# IPv6 with an IPv4 address in it, and a zone. A proxy may send anything instead of an address, and
# the latest texts are cached.
MOST_ADDRESS_CHARS = 64


class Bounds:
    """Falcon's middleware. Sets `req.context.client`, the address of the client."""

    def __init__(
        self,
        rate: RateLimit | None,
        trusted_proxies: Sequence[str] = (),
        *,
        callers: Callers | None = None,
        key_rate: RateLimit | None = None,
    ) -> None:
        """`rate` is for each address, `key_rate` for each key, whose requests do not count for
        their address; None: no limit. `trusted_proxies` are networks whose X-Forwarded-For is
        trusted. Without `callers` no key is known.
        """
        self._rate = rate
        self._key_rate = key_rate
        self._callers = callers
        self._trust(trusted_proxies)

    def change(self, access: AccessSettings) -> None:
        """Use these settings from now on; if a rate is the same, its counts are kept."""
        self._rate = _with_rate(self._rate, access.read_rate)
        self._key_rate = _with_rate(self._key_rate, access.key_rate)
        self._trust(access.trusted_proxies)

    def _trust(self, proxies: Sequence[str]) -> None:
        networks = tuple(ip_network(network) for network in proxies)

        # Behind a proxy each request needs this, and parsing an address takes longer than counting
        # it.
        @lru_cache(maxsize=4096)
        def is_trusted(text: str) -> bool:
            try:
                address = ip_address(text)
            except ValueError:
                return False
            return any(address in network for network in networks)

        self._is_trusted = is_trusted if networks else None

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse the request, or let it through.

        Raises:
            falcon.HTTPMethodNotAllowed: not an HTTP method
            falcon.HTTPContentTooLarge: the body is larger than `MAX_BODY_BYTES`
            falcon.HTTPTooManyRequests: this key, or this address without a key, has asked too
                often
        """
        if PASSED_ON in req.env:
            # The node that has received it has checked and counted it.
            passed_on = req.env[PASSED_ON]
            req.context.client = req.env[CLIENT] = passed_on.client
            req.env[FORWARDED] = passed_on.forwarded
            return
        req.context.client = req.env[CLIENT] = client = self._client(req)
        if req.method not in METHODS:
            raise falcon.HTTPMethodNotAllowed(
                ["GET", "HEAD", "POST", "DELETE"],
                description=f"{req.method[:20]} is not an HTTP method.",
            )
        if req.path not in UNLIMITED:
            self._count(req, resp, client)
        # Most requests have no body, and Falcon takes ten times as long to find that out.
        if "CONTENT_LENGTH" in req.env and (req.content_length or 0) > MAX_BODY_BYTES:
            raise too_large()

    def _count(self, req: falcon.Request, resp: falcon.Response, client: str) -> None:
        """Count the request for its key, or else for its address; tell what is left."""
        caller = None
        if self._callers is not None and (AUTHORIZATION in req.env or COOKIE in req.env):
            caller = self._callers.counted_as(req)
        rate = self._rate if caller is None else self._key_rate
        if rate is None:
            return
        allowance = rate.hit(counted_as(client) if caller is None else caller.who)
        allowance.tell(resp)
        if not allowance.allowed:
            one, setting = (
                ("address", "VATWATCH_READ_RATE")
                if caller is None
                else ("key", "VATWATCH_KEY_RATE")
            )
            raise falcon.HTTPTooManyRequests(
                description=f"One {one} may make {rate} ({setting}). "
                f"Ask again in {allowance.reset_s} s.",
                retry_after=allowance.reset_s,
            )

    def _client(self, req: falcon.Request) -> str:
        """The address of the client, behind trusted proxies."""
        client = plain_address(req.remote_addr)
        if self._is_trusted is None:
            return client
        req.env[FORWARDED] = self._is_trusted(client)
        hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",")]
        # Starting with the nearest: an untrusted hop may have invented those before it.
        while hops and hops[-1] and self._is_trusted(client):
            client = plain_address(hops.pop()[:MOST_ADDRESS_CHARS])
        return client


def _with_rate(rate: RateLimit | None, text: str | None) -> RateLimit | None:
    """The rate of this text, with its counts if it is the same one."""
    if text is None:
        return None
    return rate if rate is not None and rate.text == text else RateLimit(text)


def plain_address(text: str) -> str:
    """An IPv4 client of a socket that listens on IPv6 (`HOST=::`), without the `::ffff:`.

    The kernel shows it as an IPv4-mapped address (RFC 4291, 2.5.5.2); nothing else writes it so.
    """
    if ":" not in text or not text.lower().startswith("::ffff:"):
        return text
    try:
        mapped = IPv6Address(text).ipv4_mapped
    except ValueError:
        return text
    return text if mapped is None else str(mapped)


# A client sends many requests, and parsing its address takes as long as counting it.
@lru_cache(maxsize=4096)
def counted_as(text: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 network."""
    try:
        address = ip_address(text)
    except ValueError:
        return text  # a unix socket has no address
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS))
    return text
