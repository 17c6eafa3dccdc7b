"""The feeds: are they there, are they feeds, how old are they."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from vatwatch.actors.feed_addresses import addresses_from_status, choose
from vatwatch.actors.feed_client import FeedClient, NotModified, shown
from vatwatch.cli.examination.clocks import compare
from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.config.vatsim import DEFAULT_API_URL, DEFAULT_TRANSCEIVERS_URL, VatsimSettings
from vatwatch.errors import FeedError, FeedNotJson, FetchError
from vatwatch.feed.clock import AHEAD, readable
from vatwatch.feed.decode import decode_radios, peek
from vatwatch.feed.times import parse_feed_time

CHECK, CLOCK = "feed", "clock"
# VATSIM writes every 15 s, and a cache keeps that for a moment. The service calls a feed frozen
# after a minute, too.
FRESH = timedelta(seconds=60)
_ASIDE = "The service runs meanwhile, tries again at each poll, and serves what it knows."


def examine_feed(vatsim: VatsimSettings) -> Iterator[DoctorFinding]:
    """Ask each address once, as the service does."""
    client = FeedClient(
        user_agent=vatsim.full_user_agent,
        timeout_s=vatsim.api_timeout_s,
        max_body_bytes=vatsim.max_body_mb * 1024 * 1024,
        may_ask=vatsim.may_ask,
    )
    try:
        data, transceivers = vatsim.api_url, vatsim.transceivers_url
        if data is None:
            listed_data: list[str] = []
            listed_radios: list[str] = []
            try:
                listed_data, listed_radios = addresses_from_status(client.get(vatsim.status_url))
            except (FetchError, FeedError, NotModified) as error:
                yield warning(
                    CHECK,
                    f"The list of the feeds' addresses is unavailable: {error}.",
                    "Correct VATSIM_STATUS_URL, or name the feed with VATSIM_API_URL. Until then "
                    "the known addresses are used.",
                )
            data = choose(listed_data, DEFAULT_API_URL)
            transceivers = transceivers or choose(listed_radios, DEFAULT_TRANSCEIVERS_URL)
        yield from _data(client, data)
        yield from _transceivers(client, transceivers or urljoin(data, "transceivers-data.json"))
    finally:
        client.close()


def _data(client: FeedClient, url: str) -> Iterator[DoctorFinding]:
    before = datetime.now(UTC)
    try:
        body = client.get(url)
        now = datetime.now(UTC)
        moment = parse_feed_time(peek(body).update_timestamp)
    except (FetchError, FeedError, NotModified) as error:
        yield _unusable("The feed", url, error)
        return
    if client.answered_at is not None:
        yield from compare("that of the feed's server", client.answered_at - _middle(before, now))
    yield from judge_age(moment - now, shown(url))


def _transceivers(client: FeedClient, url: str) -> Iterator[DoctorFinding]:
    try:
        decode_radios(client.get(url))
    except (FetchError, FeedError, NotModified) as error:
        yield warning(
            CHECK,
            f"The transceivers feed cannot be used: {error}.",
            "Correct VATSIM_TRANSCEIVERS_URL. Until then snapshots are stored without radios, so "
            "there are no contacts.",
        )
    else:
        yield ok(CHECK, f"The transceivers feed answers at {shown(url)}.")


def judge_age(lead: timedelta, url: str) -> Iterator[DoctorFinding]:
    """`lead`: how far the newest update is ahead of the clock of this machine; `url` is shown."""
    if lead > AHEAD:
        yield fault(
            CHECK,
            f"The feed's newest update is {readable(lead)} of this machine's clock: updates so far "
            "ahead are held back.",
            "Set the clock of this machine by NTP (timedatectl). If it is right, the feed's is "
            "wrong: after three such updates in a row the service follows them.",
        )
    elif -lead > FRESH:
        yield warning(
            CHECK,
            f"The feed at {url} answers, and its newest update is {readable(lead)}.",
            "If the clock of this machine is right, VATSIM's data server stands still, or a cache "
            f"in between does. {_ASIDE}",
        )
    else:
        yield ok(
            CHECK,
            f"The feed at {url} answers; its newest update is "
            f"{max(0.0, -lead.total_seconds()):.0f} s old.",
        )


def _unusable(what: str, url: str, error: Exception) -> DoctorFinding:
    if isinstance(error, FeedNotJson):
        return fault(
            CHECK,
            f"{what} at {shown(url)} is not a feed: {error}.",
            "See what answers there in the feed's place (curl -i): a page of a proxy, a log-in, "
            f"or another site. Then correct VATSIM_API_URL. {_ASIDE}",
        )
    return fault(
        CHECK,
        f"{what} cannot be used: {error}.",
        f"Check the network, the proxy (HTTPS_PROXY) and VATSIM_API_URL. {_ASIDE}",
    )


def _middle(first: datetime, last: datetime) -> datetime:
    return first + (last - first) / 2
