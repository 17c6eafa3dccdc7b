"""What is sent and answered about subscriptions, and how a body is read.

A body is read part by part, so that what is wrong is told with its field and the near match.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

import falcon
import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import asdict, replace

from vatwatch.feed.times import parse_time
from vatwatch.http.near import near_match
from vatwatch.http.problems import InvalidField
from vatwatch.http.request_bodies import read_fields
from vatwatch.redaction import MASK
from vatwatch.subscriptions.letters import SECRET_PREFIX, fault_of_webhook
from vatwatch.subscriptions.records import (
    DeliveryRecord,
    DiscordTarget,
    MessageState,
    StreamTarget,
    Target,
    UserSubscription,
    WebhookTarget,
)
from vatwatch.subscriptions.watches import (
    AirportWatch,
    AtcAheadWatch,
    CountWatch,
    FirWatch,
    FlightWatch,
    PersonWatch,
    PositionWatch,
    TrafficWithoutAtcWatch,
    UserWatch,
    fault_of,
)

TITLE = "Not a valid subscription"
LONGEST_NAME = 100
WATCHES: Mapping[str, type[Struct]] = {
    "position": PositionWatch,
    "airport": AirportWatch,
    "fir": FirWatch,
    "person": PersonWatch,
    "flight": FlightWatch,
    "count": CountWatch,
    "traffic_without_atc": TrafficWithoutAtcWatch,
    "atc_ahead": AtcAheadWatch,
}
TARGETS: Mapping[str, type[Struct]] = {
    "stream": StreamTarget,
    "webhook": WebhookTarget,
    "discord": DiscordTarget,
}
SECRET_BYTES = 32
ShortText: TypeAlias = Annotated[str, Meta(max_length=LONGEST_NAME)]
# Where msgspec says a value is: `$.watch.cid`.
_PLACE = re.compile(r"at `\$\.([\w.]+)")


class SubscriptionInfo(Struct, frozen=True):
    """A subscription as its owner sees it: without secrets. Times are of the wall clock."""

    id: UUID
    owner: str
    """Who made it: the key, as the audit log names it."""
    name: str
    watch: UserWatch
    target: Target
    enabled: bool
    tell_present: bool
    until: datetime | None
    created_at: datetime
    changed_at: datetime
    active: bool
    """Whether it is judged now: enabled, and `until` has not passed."""


class MadeSubscription(SubscriptionInfo, frozen=True):
    """A subscription that was just made. `secret` is shown this once; null: it needs none."""

    secret: str | None


class SubscriptionList(Struct, frozen=True):
    """The subscriptions of a key, the oldest first; with the scope `admin` those of all."""

    count: int
    subscriptions: tuple[SubscriptionInfo, ...]


class DeliveryInfo(Struct, frozen=True):
    """A message about an occasion, and what became of it."""

    id: UUID
    occasion_id: UUID
    """The same of the beginning and the end."""
    event: str
    news: str
    subject: str
    text: str
    at: datetime
    """The snapshot that shows it."""
    state: MessageState
    attempts: int
    last_error: str
    created_at: datetime
    done_at: datetime | None


class DeliveryList(Struct, frozen=True):
    """The latest messages of a subscription, the newest first."""

    count: int
    deliveries: tuple[DeliveryInfo, ...]


class SentTest(Struct, frozen=True):
    """The id of a test message."""

    id: UUID


class SubscriptionOrder(Struct, frozen=True):
    """The body of a POST: what to tell of, and whom."""

    watch: UserWatch
    target: Target
    name: ShortText = ""
    enabled: bool = True
    tell_present: bool = False
    """Whether what is there when it is judged for the first time is told."""
    until: datetime | None = None
    """From then on nothing is judged; null: for ever."""


class SubscriptionChange(Struct, frozen=True):
    """The body of a PATCH: what is to be another one."""

    watch: UserWatch | UnsetType = UNSET
    target: Target | UnsetType = UNSET
    name: ShortText | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tell_present: bool | UnsetType = UNSET
    until: datetime | UnsetType | None = UNSET


class GivenOrder(Struct, frozen=True):
    """Either of them as it is read: what is wrong below is told with its field."""

    name: str | UnsetType = UNSET
    watch: Raw | UnsetType = UNSET
    target: Raw | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    tell_present: bool | UnsetType = UNSET
    until: str | UnsetType | None = UNSET


# --- answers -------------------------------------------------------------------------------------


def info_of(one: UserSubscription) -> SubscriptionInfo:
    """What is shown of a subscription."""
    active = one.is_active(datetime.now(UTC))
    values = {name: getattr(one, name) for name in UserSubscription.__struct_fields__}
    values["target"] = _masked(one.target)
    return SubscriptionInfo(**values, active=active)


def made_info(one: UserSubscription) -> MadeSubscription:
    """What its maker gets, once."""
    secret = one.target.secret if isinstance(one.target, WebhookTarget) else None
    return MadeSubscription(**asdict(info_of(one)), secret=secret)


def _masked(target: Target) -> Target:
    """A target without what lets others send in its owner's name."""
    if isinstance(target, StreamTarget):
        return target
    parts = urlsplit(target.url)
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"
    if isinstance(target, DiscordTarget):
        return replace(target, url=url)
    return replace(target, url=url, secret=MASK, headers=dict.fromkeys(target.headers, MASK))


def delivery_info(record: DeliveryRecord) -> DeliveryInfo:
    """What is shown of a message."""
    occasion = record.occasion
    return DeliveryInfo(
        record.id,
        occasion.occasion,
        occasion.event,
        occasion.news,
        occasion.subject,
        occasion.text,
        occasion.at,
        record.state,
        record.attempts,
        record.last_error,
        record.created_at,
        record.done_at,
    )


# --- bodies --------------------------------------------------------------------------------------


def read_order(req: falcon.Request) -> GivenOrder:
    """The body of a request that makes or changes one. Raises InvalidField, BadRequest."""
    try:
        return read_fields(req, GivenOrder)
    except msgspec.ValidationError as error:
        raise _refused("", error) from error


def changed_by(before: UserSubscription, order: GivenOrder, now: datetime) -> UserSubscription:
    """The subscription as the order wants it. Raises InvalidField, with the field."""
    changes: dict[str, Any] = {
        name: value
        for name in ("name", "enabled", "tell_present")
        if (value := getattr(order, name)) is not UNSET
    }
    name = changes.get("name", "")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise invalid("name", f"must be at most {LONGEST_NAME} printable characters")
    if order.watch is not UNSET:
        changes["watch"] = watch = _tagged("watch", order.watch, WATCHES)
        fault = fault_of(watch)  # type: ignore[arg-type]
        if fault is not None:
            raise invalid(f"watch.{fault[0]}", fault[1])
    if order.target is not UNSET:
        changes["target"] = _target(order.target, before.target)
    if order.until is not UNSET:
        changes["until"] = None if order.until is None else _until(order.until)
    return replace(before, **changes, changed_at=now)


def _target(given: Raw, before: Target) -> Target:
    """The target of an order. A webhook without a secret keeps the one that it has, or gets one."""
    target = _tagged("target", given, TARGETS)
    if isinstance(target, WebhookTarget):
        fault = fault_of_webhook(target)
        if fault is not None:
            raise invalid(f"target.{fault[0]}", fault[1])
        if not target.secret:
            kept = before.secret if isinstance(before, WebhookTarget) else ""
            drawn = b64encode(token_bytes(SECRET_BYTES)).decode()
            target = replace(target, secret=kept or f"{SECRET_PREFIX}{drawn}")
    return target  # type: ignore[return-value]


def _until(given: str) -> datetime:
    try:
        return parse_time(given)
    except ValueError as error:
        raise invalid(
            "until", "must be a time with its zone, such as 2027-01-31T12:00:00Z, or null"
        ) from error


def _tagged(field: str, given: Raw, kinds: Mapping[str, type[Struct]]) -> Struct:
    """An object of one of several kinds. Raises InvalidField, with the field that is wrong."""
    try:
        found = msgspec.json.decode(given, type=dict[str, Raw])
        kind = msgspec.json.decode(found.pop("kind", Raw(b"null")), type=str | None)
    except msgspec.ValidationError as error:
        raise _refused(field, error) from error
    if kind not in kinds:
        close = None if kind is None else near_match(kind, kinds)
        raise invalid(f"{field}.kind", f"must be one of {', '.join(kinds)}", close)
    wanted = kinds[kind]
    for name in found:
        if name not in wanted.__struct_fields__:
            must = f"is unknown; there are {', '.join(wanted.__struct_fields__) or 'none'}"
            raise invalid(f"{field}.{name}", must, near_match(name, wanted.__struct_fields__))
    try:
        return msgspec.json.decode(given, type=wanted)
    except msgspec.ValidationError as error:
        raise _refused(field, error) from error


def _refused(field: str, error: msgspec.ValidationError) -> InvalidField:
    place = _PLACE.search(str(error))
    name = ".".join(part for part in (field, place[1] if place else "") if part)
    return InvalidField(TITLE, f"{error}.", **({"field": name} if name else {}))


def invalid(field: str, must: str, did_you_mean: str | None = None) -> InvalidField:
    """The error about one field of a body."""
    hint = "" if did_you_mean is None else f' Did you mean "{did_you_mean}"?'
    shown = field if field.isprintable() else "?"
    return InvalidField(
        TITLE, f"The field `{shown[:100]}` {must}.{hint}", field=shown, did_you_mean=did_you_mean
    )
