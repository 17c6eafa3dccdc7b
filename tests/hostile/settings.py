"""How a service is set that is attacked."""

from __future__ import annotations

from tests.feed_server import FeedServer
from tests.hostile.attacks import KEY


def settings(feeds: FeedServer, client_timeout_s: int) -> dict[str, object]:
    """Without rates: they would refuse nearly all attacks, which come from one address."""
    return {
        "VATSIM_API_URL": feeds.url,
        "VATSIM_POLL_INTERVAL": 0.2,
        "VATWATCH_API_KEYS": KEY,
        "VATWATCH_READ_RATE": "off",
        "VATWATCH_KEY_RATE": "off",
        "VATWATCH_WRITE_RATE": "1000000/minute",
        "VATWATCH_CLIENT_TIMEOUT": client_timeout_s,
    }
