"""A fault of the feed's content is reported when it begins, and shown while it lasts."""

from __future__ import annotations

from tests.actors.paths import comparison, decoded
from tests.traffic.build import pilot
from vatwatch.actors.feed_content import FeedContent
from vatwatch.errors import FeedNotJson
from vatwatch.feed.quarantine import Quarantined
from vatwatch.traffic.network_state import NetworkState

MANY = [pilot(cid=number, callsign=f"ABC{number}") for number in range(1, 101)]


def bad(callsign: str) -> Quarantined:
    return Quarantined("pilot", callsign, "no latitude", {})


def test_a_feed_as_it_should_be_has_no_conditions_and_no_news() -> None:
    content = FeedContent()
    assert content.observe(decoded(0), None) == []
    assert content.conditions == ()


def test_radios_that_cannot_be_read_are_a_condition_and_news_once() -> None:
    content = FeedContent()
    error = FeedNotJson("<html>")
    (news,) = content.observe(decoded(0, radios_error=error), None)
    assert (news.operation, news.error, news.remedy) == ("read radios", error, "degrade")
    assert content.observe(decoded(15, radios_error=error), None) == []
    assert content.conditions == ("the radios feed cannot be read: <html>",)
    assert sum(content.radios_unreadable.values()) == 2
    assert content.observe(decoded(30), None) == []
    assert content.conditions == ()
    assert len(content.observe(decoded(45, radios_error=error), None)) == 1


def test_quarantined_records_are_news_only_when_they_are_new() -> None:
    content = FeedContent()
    (news,) = content.observe(decoded(0, quarantined=(bad("ABC7"),)), None)
    assert news.remedy == "quarantine"
    assert str(news.error) == "1 record was quarantined: pilot ABC7: no latitude"
    assert content.observe(decoded(15, quarantined=(bad("ABC7"),)), None) == []
    (news,) = content.observe(decoded(30, quarantined=(bad("ABC7"), bad("ABC8"))), None)
    assert str(news.error) == "2 records were quarantined: pilot ABC8: no latitude"


def test_the_usual_number_of_pilots_starts_from_the_known_state() -> None:
    content = FeedContent()
    before = comparison(NetworkState(), 0, pilots=MANY).state
    content.observe(decoded(15, pilots=MANY[:10]), before)
    assert content.conditions == ("10 pilots, far fewer than the usual 100: a fault upstream",)


def test_the_usual_number_of_the_process_before_counts_more_than_a_filtered_state() -> None:
    first = FeedContent()
    first.observe(decoded(0, pilots=MANY), None)
    second = FeedContent(usual_before=first.seen.usual)
    assert second.fewer_pilots is None  # nobody has looked yet
    filtered = comparison(NetworkState(), 0, pilots=MANY[:12]).state
    second.observe(decoded(15, pilots=MANY[:10]), filtered)
    assert second.conditions == ("10 pilots, far fewer than the usual 100: a fault upstream",)


def test_the_successor_knows_the_usual_number_of_pilots() -> None:
    first = FeedContent()
    first.observe(decoded(0, pilots=MANY), None)
    first.observe(decoded(15, pilots=MANY[:10]), None)
    told = first.conditions
    second = FeedContent(first.seen)
    assert second.conditions == told
    few = comparison(NetworkState(), 15, pilots=MANY[:10]).state
    second.observe(decoded(30, pilots=MANY[:10]), few)
    assert second.conditions == told
