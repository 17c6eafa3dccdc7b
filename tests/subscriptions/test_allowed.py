"""Where messages of users may go, and where never."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from vatwatch.subscriptions.allowed import AllowedTargets

PUBLIC = AllowedTargets()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.5.5", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254",
        "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_never_reached(address: str) -> None:
    assert not PUBLIC.may_reach(ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "162.159.135.232", "2606:4700::1111", "64:ff9b::101:101"]
)
def test_a_public_address_is_reached(address: str) -> None:
    assert PUBLIC.may_reach(ip_address(address))


def test_a_network_that_the_operator_names_is_reached_and_no_other() -> None:
    allowed = AllowedTargets(networks=("10.1.0.0/16", "::1/128"))
    reached = {
        a: allowed.may_reach(ip_address(a)) for a in ("10.1.2.3", "10.2.0.1", "::1", "127.0.0.1")
    }
    assert reached == {"10.1.2.3": True, "10.2.0.1": False, "::1": True, "127.0.0.1": False}
    assert allowed.may_reach(ip_address("::ffff:10.1.2.3"))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x", "example.org", "https://", "https:///x", "http://exa mple.org/",
        "https://example.org/#x", "https://example.org:0/", "https://example.org:99999/",
        "https://example.org\\@127.0.0.1/", "https://exämple.org/", "http://[::1", "x" * 3000,
        "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]:8080/x",
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_an_allowed_address_is_refused(url: str) -> None:
    assert PUBLIC.fault_of(url) is not None


def test_only_hosts_that_the_operator_names_are_allowed() -> None:
    allowed = AllowedTargets(hosts=("discord.com", "*.example.org"))
    for url, good in (
        ("https://discord.com/api/webhooks/1/x", True),
        ("https://DISCORD.com./api/webhooks/1/x", True),
        ("https://hooks.example.org/x", True),
        ("https://example.org/x", False),
        ("https://discord.com.evil.net/x", False),
        ("https://user@discord.com@evil.net/x", False),
    ):
        assert (allowed.fault_of(url) is None) is good, url
