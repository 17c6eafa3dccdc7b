"""Where users may have messages sent: the hosts and networks that the operator allows.

Private, loopback, link-local, multicast and reserved addresses, and with them the metadata services
of clouds, are refused unless the operator names their network. An address in another one's clothes
(IPv4 in IPv6, 6to4, Teredo, NAT64) counts as what it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from vatwatch.wildcards import fits

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

LONGEST_URL = 2000
# RFC 6052, 2.1: the last 32 bits are the IPv4 address.
_NAT64 = IPv6Network("64:ff9b::/96")
# RFC 8215: for translation within a network, so it is not reachable from outside.
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")


class AllowedTargets(Struct, frozen=True):
    """What the operator has set."""

    hosts: tuple[str, ...] = ("*",)
    """Names, with `*` and `?`; `*` alone: every name."""
    networks: tuple[str, ...] = ()
    """Networks that are not public, and may be reached all the same."""

    def fault_of(self, url: str) -> str | None:
        """What an address must be; None if it may be one, as far as its text says."""
        parts = _parts(url)
        if parts is None:
            return "must be an address that begins with https:// or http://, without a fragment"
        host = (parts.hostname or "").rstrip(".")
        if not any(fits(pattern, host) for pattern in self.hosts):
            return "must be at a host that the operator allows (VATWATCH_SUBSCRIPTION_HOSTS)"
        try:
            address = ip_address(host)
        except ValueError:
            return None
        return None if self.may_reach(address) else NOT_PUBLIC

    def may_reach(self, address: IpAddress) -> bool:
        """Whether a connection to this address is allowed."""
        return all(self._may_reach(each) for each in _leads_to(address))

    def _may_reach(self, address: IpAddress) -> bool:
        if address.is_global and not address.is_multicast:
            return address not in _LOCAL_NAT64
        return any(address in network for network in map(ip_network, self.networks))


NOT_PUBLIC = (
    "must be at a public address, or in a network that the operator allows "
    "(VATWATCH_SUBSCRIPTION_NETWORKS)"
)


def _parts(url: str) -> SplitResult | None:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    # A backslash is a slash to some readers, and a part of the host to others.
    if parts.scheme not in ("http", "https") or not parts.hostname or "\\" in url or port == 0:
        return None
    return None if parts.fragment else parts


def _leads_to(address: IpAddress) -> Iterator[IpAddress]:
    """The address, and those within it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
