"""Requests that are refused before any resource sees them: bad method, too large, too many.

Headers are bounded by gunicorn (a request line of 4,094 bytes, 100 fields of 8,190).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import falcon

from vatwatch.config.access import AccessSettings
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
# The key of the client's address in the WSGI environment, for the access log.
CLIENT = "vatwatch.client"
# IPv6 with an IPv4 address in it, and a zone. A proxy may send anything instead of an address, and
# the latest texts are cached.
MOST_ADDRESS_CHARS = 64


class Bounds:
    """Falcon's middleware. Sets `req.context.client`, the address of the client."""

    def __init__(self, rate: RateLimit | None, trusted_proxies: Sequence[str] = ()) -> None:
        """`rate` is for each client; None: no limit. `trusted_proxies` are networks whose
        X-Forwarded-For is trusted.
        """
        self._rate = rate
        self._trust(trusted_proxies)

    def change(self, access: AccessSettings) -> None:
        """Use these settings from now on; if the rate is the same, the counts are kept."""
        text = None if self._rate is None else self._rate.text
        if access.read_rate != text:
            self._rate = None if access.read_rate is None else RateLimit(access.read_rate)
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
            falcon.HTTPTooManyRequests: this client has asked too often
        """
        req.context.client = req.env[CLIENT] = client = self._client(req)
        if req.method not in METHODS:
            raise falcon.HTTPMethodNotAllowed(
                ["GET", "HEAD", "POST", "DELETE"],
                description=f"{req.method[:20]} is not an HTTP method.",
            )
        if self._rate is not None and req.path not in UNLIMITED:
            allowance = self._rate.hit(_counted_as(client))
            allowance.tell(resp)
            if not allowance.allowed:
                raise falcon.HTTPTooManyRequests(
                    description=f"One address may make {self._rate} (VATWATCH_READ_RATE). "
                    f"Ask again in {allowance.reset_s} s.",
                    retry_after=allowance.reset_s,
                )
        # Most requests have no body, and Falcon takes ten times as long to find that out.
        if "CONTENT_LENGTH" in req.env and (req.content_length or 0) > MAX_BODY_BYTES:
            raise too_large()

    def _client(self, req: falcon.Request) -> str:
        """The address of the client, behind trusted proxies."""
        client = plain_address(req.remote_addr)
        if self._is_trusted is None:
            return client
        hops = [hop.strip() for hop in (req.get_header("X-Forwarded-For") or "").split(",")]
        # Starting with the nearest: an untrusted hop may have invented those before it.
        while hops and hops[-1] and self._is_trusted(client):
            client = plain_address(hops.pop()[:MOST_ADDRESS_CHARS])
        return client


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
def _counted_as(text: str) -> str:
    """What counts as one client: an IPv4 address, or an IPv6 network."""
    try:
        address = ip_address(text)
    except ValueError:
        return text  # a unix socket has no address
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> IPV6_PREFIX_BITS << IPV6_PREFIX_BITS))
    return text
