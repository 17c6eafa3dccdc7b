"""Which requests another site's page has made."""

from __future__ import annotations

import pytest

from vatwatch.access.same_site import is_from_elsewhere

HOST = "watch.example.org"


@pytest.mark.parametrize(
    ("fetch_site", "origin", "host"),
    [
        (None, None, HOST),  # no browser
        ("same-origin", None, HOST),
        ("none", None, HOST),  # typed by a person
        ("same-origin", f"https://{HOST}", HOST),
        (None, f"http://{HOST}", HOST),
        (None, f"https://{HOST}", HOST),  # a proxy takes TLS away
        (None, f"https://{HOST}:443", HOST),
        (None, f"http://{HOST}:8001", f"{HOST}:8001"),
        (None, "http://[::1]:8001", "[::1]:8001"),
        (None, f"https://{HOST.upper()}", HOST),
    ],
)
def test_our_own_page_and_what_is_no_browser_may(
    fetch_site: str | None, origin: str | None, host: str
) -> None:
    assert not is_from_elsewhere(fetch_site, origin, host)


@pytest.mark.parametrize(
    ("fetch_site", "origin", "host"),
    [
        ("cross-site", None, HOST),
        ("same-site", None, HOST),  # a neighbour's subdomain
        ("", None, HOST),
        ("cross-site", f"https://{HOST}", HOST),
        ("same-origin", "https://evil.example", HOST),
        (None, "https://evil.example", HOST),
        (None, "null", HOST),
        (None, "", HOST),
        (None, f"https://evil.{HOST}", HOST),
        (None, f"https://{HOST}.evil.example", HOST),
        (None, f"https://{HOST}:8443", HOST),
        (None, f"http://{HOST}:8002", f"{HOST}:8001"),
        (None, f"https://{HOST}@evil.example", HOST),
        (None, f"file://{HOST}", HOST),
        (None, "https://[::1", HOST),
        (None, f"https://{HOST}:port", HOST),
        (None, "https://", ""),
    ],
)
def test_every_other_page_may_not(fetch_site: str | None, origin: str | None, host: str) -> None:
    assert is_from_elsewhere(fetch_site, origin, host)
