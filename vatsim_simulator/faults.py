"""The faults that can be ordered, each with its name and its end.

Two families. A *stale* or *spoilt* feed is what is published: `freeze older mass_drop bad_records
hostile restart clock`. A *bad answer* is what becomes of a request: `status timeout drip empty
html odd truncated redirect_loop huge reset`.

`for` says how long: a whole number of updates, or a text such as `20s` (seconds of the wall clock)
or `3r` (requests, bad answers only). `after` says how many updates to wait before it begins. What
is published changes with the next update, as an update has but one content; bad answers begin at
once.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Struct, field

from vatsim_simulator.odd_bodies import ODD_BODIES
from vatsim_simulator.publication import FeedName

MOST_UPDATES = 1_000
MOST_SECONDS = 3_600.0
MOST_REQUESTS = 10_000
# A hundred years; the network began in 2001.
MOST_CLOCK_S = 100 * 365.25 * 86_400
MOST_MEGABYTES = 1_024
# How far back an older copy can be.
MOST_UPDATES_BACK = 4

Feeds = Literal["data", "transceivers", "status", "all"]


class Bound(NamedTuple):
    """When a fault ends: one of the three is set."""

    updates: int | None = None
    seconds: float | None = None
    requests: int | None = None


class FeedFault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """An ordered fault. Raises ValueError if it makes no sense."""

    main: ClassVar[str] = "lasts"
    """The field for a value without a key on the command line."""
    answers: ClassVar[bool] = True
    """Whether it is a bad answer, not a bad publication."""
    allowed: ClassVar[tuple[str, ...]] = ("data", "transceivers", "status", "all")

    feed: Feeds = "all"
    lasts: int | str = field(name="for", default=4)
    after: int = 0

    def __post_init__(self) -> None:
        if self.feed not in self.allowed:
            raise ValueError(f"feed must be one of {', '.join(self.allowed)}")
        _within("after", self.after, 0, MOST_UPDATES)
        bound = self.bound()
        if bound.requests is not None and not self.answers:
            raise ValueError("for: this fault lasts for updates or seconds, not for requests")

    def bound(self) -> Bound:
        """How long it lasts."""
        if isinstance(self.lasts, int):
            _within("for", self.lasts, 1, MOST_UPDATES)
            return Bound(updates=self.lasts)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|r)|(\d+)", self.lasts)
        if match is None:
            raise ValueError("for: a number of updates, or seconds as '20s', or requests as '3r'")
        if match[3]:
            _within("for", int(match[3]), 1, MOST_UPDATES)
            return Bound(updates=int(match[3]))
        if match[2] == "s":
            _within("for (seconds)", float(match[1]), 0.01, MOST_SECONDS)
            return Bound(seconds=float(match[1]))
        if "." in match[1]:
            raise ValueError("for: requests are counted in whole numbers")
        _within("for (requests)", int(match[1]), 1, MOST_REQUESTS)
        return Bound(requests=int(match[1]))

    def touches(self, feed: FeedName) -> bool:
        """Whether it is a fault of this feed."""
        return self.feed == feed.value or (self.feed == "all" and feed.value in self.allowed)


_PUBLISHED = ("data", "transceivers", "all")


class Freeze(FeedFault, frozen=True, tag="freeze"):
    """The body does not change while the world goes on."""

    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = _PUBLISHED


class Older(FeedFault, frozen=True, tag="older"):
    """Every second answer is a copy that is `back` updates old, as from a slow edge of a CDN."""

    main: ClassVar[str] = "back"
    allowed: ClassVar[tuple[str, ...]] = _PUBLISHED

    back: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("back", self.back, 1, MOST_UPDATES_BACK)


class MassDrop(FeedFault, frozen=True, tag="mass_drop"):
    """Most pilots are missing from both feeds, and come back."""

    main: ClassVar[str] = "share"
    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = ("all",)

    share: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("share", self.share, 0.01, 1.0)


class BadRecords(FeedFault, frozen=True, tag="bad_records"):
    """So many records of the main feed have a value of a wrong type."""

    main: ClassVar[str] = "count"
    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = ("data", "all")

    count: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("count", self.count, 1, 10_000)


class Hostile(FeedFault, frozen=True, tag="hostile"):
    """The texts of this share of the records are attacks on whoever shows them."""

    main: ClassVar[str] = "share"
    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = ("all",)

    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("share", self.share, 0.01, 1.0)


class RestartFault(FeedFault, frozen=True, tag="restart"):
    """VATSIM's data server restarts: all logon times are rewritten to whole seconds, for good."""

    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = ("data", "all")

    lasts: int | str = field(name="for", default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bound() != Bound(updates=1):
            raise ValueError("for: a restart is over in 1 update")


class WrongClock(FeedFault, frozen=True, tag="clock"):
    """The data server's clock is wrong by so many seconds: the feed's own time alone is shifted."""

    main: ClassVar[str] = "seconds"
    answers: ClassVar[bool] = False
    allowed: ClassVar[tuple[str, ...]] = ("data", "all")

    seconds: float = 3_600.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("seconds", self.seconds, -MOST_CLOCK_S, MOST_CLOCK_S)


class StatusFault(FeedFault, frozen=True, tag="status"):
    """The answer is an HTTP error."""

    main: ClassVar[str] = "code"

    code: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("code", self.code, 400, 599)


class Timeout(FeedFault, frozen=True, tag="timeout"):
    """The connection is accepted, and closed after `seconds` without an answer."""

    main: ClassVar[str] = "seconds"

    seconds: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("seconds", self.seconds, 0.01, MOST_SECONDS)


class Drip(FeedFault, frozen=True, tag="drip"):
    """The body comes a few bytes at a time, and breaks off after `seconds`."""

    main: ClassVar[str] = "seconds"

    seconds: float = 60.0
    chunk_bytes: int = 16
    interval_s: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("seconds", self.seconds, 0.01, MOST_SECONDS)
        _within("chunk_bytes", self.chunk_bytes, 1, 1 << 20)
        _within("interval_s", self.interval_s, 0.001, 60.0)


class Empty(FeedFault, frozen=True, tag="empty"):
    """200, `application/json`, and no body."""


class Html(FeedFault, frozen=True, tag="html"):
    """200, and an HTML error page."""


class Truncated(FeedFault, frozen=True, tag="truncated"):
    """A whole answer with the first `share` of the body."""

    main: ClassVar[str] = "share"

    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("share", self.share, 0.0, 0.999)


class RedirectLoop(FeedFault, frozen=True, tag="redirect_loop"):
    """302 to itself."""


class Huge(FeedFault, frozen=True, tag="huge"):
    """The body, and then white space up to `megabytes`; its length is told beforehand or not."""

    main: ClassVar[str] = "megabytes"

    megabytes: int = 64
    tells_length: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("megabytes", self.megabytes, 1, MOST_MEGABYTES)


class Odd(FeedFault, frozen=True, tag="odd"):
    """A whole answer whose body has one oddity (`odd_bodies`)."""

    main: ClassVar[str] = "kind"
    allowed: ClassVar[tuple[str, ...]] = ("data", "transceivers", "all")

    kind: str = "null"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in ODD_BODIES:
            raise ValueError(f"kind must be one of {', '.join(ODD_BODIES)}")


class ResetFault(FeedFault, frozen=True, tag="reset"):
    """The connection is reset after the first `share` of the body."""

    main: ClassVar[str] = "share"

    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("share", self.share, 0.0, 0.999)


AnyFault = (
    Freeze
    | Older
    | MassDrop
    | BadRecords
    | Hostile
    | RestartFault
    | WrongClock
    | StatusFault
    | Timeout
    | Drip
    | Empty
    | Html
    | Truncated
    | RedirectLoop
    | Huge
    | Odd
    | ResetFault
)
KINDS: dict[str, type[FeedFault]] = {
    str(kind.__struct_config__.tag): kind for kind in AnyFault.__args__
}


def from_json(raw: bytes) -> AnyFault:
    """`{"fault": "freeze", "feed": "data", "for": 4}`; raises ValueError with the reason."""
    return _checked(msgspec.json.decode(raw))


def from_option(text: str) -> AnyFault:
    """`KIND`, `KIND:VALUE` or `KIND:KEY=VALUE,KEY=VALUE`; raises ValueError."""
    kind, _, rest = text.partition(":")
    found = KINDS.get(kind)
    if found is None:
        raise ValueError(f"no fault {kind!r}: there are {', '.join(sorted(KINDS))}")
    values: dict[str, Any] = {"fault": kind}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = found.main, key
        values["for" if key == "lasts" else key] = value
    return _checked(values, strict=False)


def _checked(values: Any, *, strict: bool = True) -> AnyFault:
    if not isinstance(values, dict):
        raise ValueError('a fault is an object such as {"fault": "freeze", "for": 4}')  # noqa: TRY004
    kind = values.get("fault")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"fault: one of {', '.join(sorted(KINDS))}")
    fault: AnyFault = msgspec.convert(values, AnyFault, strict=strict)
    return fault


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, not {value:g}")
