"""Settings: the feeds."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PositiveFloat, PositiveInt

from vatwatch import __version__
from vatwatch.config import addresses
from vatwatch.config.section import Section, checked, printable, setting

DEFAULT_API_URL = "https://data.vatsim.net/v3/vatsim-data.json"
DEFAULT_TRANSCEIVERS_URL = "https://data.vatsim.net/v3/transceivers-data.json"
DEFAULT_STATUS_URL = "https://status.vatsim.net/status.json"
# VATSIM's etiquette (docs/operating.md): poll no faster than the feed is written.
MIN_VATSIM_POLL_S = 15

FeedUrl = Annotated[str, checked(addresses.http)]


def _header(text: str) -> None:
    printable(text)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("must be of Latin letters: it is sent in a header") from None
    if text != text.strip():
        raise ValueError("must not begin or end with a space")


Header = Annotated[str, checked(_header)]


class VatsimSettings(Section):
    """The feeds."""

    api_url: FeedUrl | None = setting(
        "VATSIM_API_URL",
        None,
        f"The data feed; unset: found through VATSIM_STATUS_URL, else {DEFAULT_API_URL}.",
        repr=False,
        reload=True,
    )
    transceivers_url: FeedUrl | None = setting(
        "VATSIM_TRANSCEIVERS_URL",
        None,
        "The transceivers feed; unset: beside VATSIM_API_URL, or found through VATSIM_STATUS_URL.",
        repr=False,
        reload=True,
    )
    status_url: FeedUrl = setting(
        "VATSIM_STATUS_URL",
        DEFAULT_STATUS_URL,
        "The list of the feeds' addresses.",
        repr=False,
        reload=True,
    )
    api_timeout_s: PositiveFloat = setting(
        "VATSIM_API_TIMEOUT",
        10.0,
        "How long one request may take, to its last byte.",
        unit="s",
        reload=True,
    )
    retry_attempts: int = setting(
        "VATSIM_API_RETRY_ATTEMPTS",
        3,
        "Tries after the first, within one poll.",
        ge=0,
        le=20,
        reload=True,
    )
    poll_interval_s: PositiveFloat = setting(
        "VATSIM_POLL_INTERVAL",
        15.0,
        "Time between two polls. VATSIM's own hosts are not asked more often than every 15 s.",
        unit="s",
        reload=True,
        # The feed has another content every 15 s; what is not fetched is missed for good.
        usual=(0.1, 300),
    )
    max_body_mb: PositiveInt = setting(
        "VATSIM_MAX_BODY_MB",
        64,
        "A larger body is refused; this is thirty times the busiest seen.",
        unit="MiB",
        reload=True,
        # It is held in memory, several times over while it is read.
        usual=(4, 1024),
        le=65_536,
    )
    user_agent: Header = setting(
        "VATSIM_USER_AGENT",
        f"vatwatch/{__version__}",
        "The user agent of requests; VATSIM asks for the software's name and a contact.",
        reload=True,
    )
    contact: Header = setting(
        "VATSIM_CONTACT",
        "",
        "A mail address or page, added to the user agent in brackets.",
        reload=True,
    )

    def may_ask(self, url: str) -> bool:
        """Whether an address may be polled at our interval: VATSIM's own hosts have a minimum."""
        return self.poll_interval_s >= MIN_VATSIM_POLL_S or not _is_vatsim(url)

    @property
    def full_user_agent(self) -> str:
        """The user agent with the contact."""
        return f"{self.user_agent} ({self.contact})" if self.contact else self.user_agent


def _is_vatsim(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return host == "vatsim.net" or host.endswith(".vatsim.net")
