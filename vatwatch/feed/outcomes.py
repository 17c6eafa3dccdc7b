"""The outcome of reading a body, in a word, for counts."""

from __future__ import annotations

from vatwatch.errors import FeedEmpty, FeedError, FeedMalformed, FeedNotJson, FeedTruncated

FEED_OUTCOMES: dict[type[Exception], str] = {
    FeedEmpty: "empty",
    FeedNotJson: "not_json",
    FeedTruncated: "truncated",
    FeedMalformed: "malformed",
}


def outcome_of(error: FeedError) -> str:
    """The outcome for an error of reading."""
    return next((FEED_OUTCOMES[kind] for kind in type(error).__mro__ if kind in FEED_OUTCOMES), "")
