"""The correlation id, which connects all messages, events, errors and log lines of one snapshot."""

from __future__ import annotations

from vatwatch.feed.decode import peek

# The network's times have 28 characters; the longest of RFC 3339 with nine digits has 35.
CORRELATION_LIMIT = 64


def correlation_id(update_timestamp: str) -> str:
    """The correlation id of a snapshot: its `update_timestamp` as the feed sent it.

    Always printable ASCII of at most CORRELATION_LIMIT characters, whatever was sent: any other
    character is written as Python would escape it, and what is too long is cut.
    """
    text = update_timestamp[:CORRELATION_LIMIT]
    if not (text.isascii() and text.isprintable()):
        text = text.encode("unicode_escape").decode("ascii")
    return text[:CORRELATION_LIMIT]


def correlation_id_of(feed: bytes) -> str:
    """The correlation id of the snapshot in these bytes. Raises FeedError if they have none."""
    return correlation_id(peek(feed).update_timestamp)
