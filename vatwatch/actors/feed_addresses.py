"""Where the feeds are: as set, or as VATSIM's `status.json` lists them."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urljoin

import msgspec

from vatwatch.actors.feed_client import FeedClient, NotModified, fault_of, shown
from vatwatch.config.vatsim import DEFAULT_API_URL, DEFAULT_TRANSCEIVERS_URL, VatsimSettings
from vatwatch.errors import FeedError, FeedMalformed, FeedNotJson, FetchError, FetchUnreachable
from vatwatch.monitoring.outages import Outage, look

log = logging.getLogger(__name__)

# The list of addresses changes rarely.
STATUS_AGE_S = 3600.0
# If no listed address answers, the list is asked again, since it may be out of date.
STATUS_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the feeds are."""

    data: str
    transceivers: str


class AddressBook:
    """Knows the addresses of the feeds, and looks them up again from time to time."""

    def __init__(self, settings: VatsimSettings, client: FeedClient) -> None:
        self._settings = settings
        self._client = client
        self._listed: Addresses | None = None
        self._listed_at = 0.0
        self._doubted = False
        self._outage: Outage | None = None

    def change(self, settings: VatsimSettings) -> None:
        """Use the addresses of these settings; what was listed before is forgotten."""
        if settings.status_url != self._settings.status_url:
            self._listed = None
        self._settings = settings

    def find(self) -> Addresses:
        """Where the feeds are.

        Raises:
            FetchUnreachable: VATSIM's own hosts, which may not be asked as often as is set
        """
        settings = self._settings
        if settings.api_url is not None:
            return Addresses(
                settings.api_url,
                settings.transceivers_url or urljoin(settings.api_url, "transceivers-data.json"),
            )
        age_s = monotonic() - self._listed_at
        limit_s = STATUS_RETRY_S if self._doubted else STATUS_AGE_S
        if self._listed is None or age_s > limit_s:
            self._listed = self._look_up()
            self._listed_at = monotonic()
            self._doubted = False
        return self._listed

    def doubt(self) -> None:
        """Note that the addresses that were found do not answer."""
        self._doubted = True

    def _look_up(self) -> Addresses:
        """Ask `status.json`. While it is unavailable, keep the known addresses."""
        settings = self._settings
        data: list[str] = []
        transceivers: list[str] = []
        cause = ""
        try:
            data, transceivers = addresses_from_status(self._client.get(settings.status_url))
        except (FetchError, FeedError, NotModified) as error:
            cause = str(error) or type(error).__name__
        self._tell_operator(cause)
        known = self._listed or Addresses(DEFAULT_API_URL, DEFAULT_TRANSCEIVERS_URL)
        found = Addresses(
            choose(data, known.data),
            settings.transceivers_url or choose(transceivers, known.transceivers),
        )
        for url in (found.data, found.transceivers):
            if not settings.may_ask(url):
                raise FetchUnreachable(
                    f"{shown(url)} is VATSIM's own, and not asked more often than every 15 s"
                )
        return found

    def _tell_operator(self, cause: str) -> None:
        """Log when the list fails while the feed answers, when the cause changes, and when it is
        over."""
        if cause and self._doubted:
            # The feed is away, too, and the fetcher logs that.
            log.debug("The list of the feeds' addresses is unavailable: %s", cause)
            return
        self._outage, news = look(self._outage, cause, datetime.now(UTC))
        if news in ("begins", "changes"):
            log.warning(
                "The list of the feeds' addresses is unavailable: %s. Those known are used.",
                cause,
            )
        elif news == "ends":
            log.info("The list of the feeds' addresses can be read again.")


def addresses_from_status(body: bytes) -> tuple[list[str], list[str]]:
    """The addresses of both feeds in a `status.json`; those that cannot be asked are left out.

    Raises:
        FeedNotJson, FeedMalformed: the body is not such a list
    """
    try:
        page = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FeedNotJson(f"not JSON, it begins with {body[:40]!r}") from error
    lists = page.get("data") if isinstance(page, dict) else None
    if not isinstance(lists, dict):
        raise FeedMalformed('JSON without a "data" object')
    return _addresses(lists.get("v3")), _addresses(lists.get("transceivers"))


def _addresses(value: Any) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str) and fault_of(one) is None]


def choose(addresses: list[str], default: str) -> str:
    """One of the listed addresses at random, as VATSIM asks for."""
    return random.choice(addresses) if addresses else default  # noqa: S311 - no secret
