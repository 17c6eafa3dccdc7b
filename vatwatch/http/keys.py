"""API keys: list, make, show and revoke them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import UUID

import falcon
from msgspec import UNSET, Meta, Struct, UnsetType

from vatwatch.access.api_keys import MOST_NAME_CHARS, fault_of_name, make_key
from vatwatch.access.scopes import Scope
from vatwatch.access.shown_keys import KeyInfo, MadeKey, info_of, made_key
from vatwatch.feed.times import parse_time
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.known_keys import KnownKeys
from vatwatch.http.near import near_match
from vatwatch.http.params import text
from vatwatch.http.problems import InvalidField
from vatwatch.http.request_bodies import BadField, read_fields, require_no_fields
from vatwatch.messages import CreateKey, ListKeys, RevokeKey

NO_STORE = ("Cache-Control", "no-store")


KEY_ID = text("key_id", about="The `id` of a key.", example="0b0f6c9e-3f4c-4c0b-8b0e-6a2a1d2f9c11")


class KeyList(Struct, frozen=True):
    """All keys of the table, the newest first; not those of VATWATCH_API_KEYS."""

    count: int
    keys: tuple[KeyInfo, ...]


SOME_SCOPES = {"minItems": 1, "items": {"enum": [scope.value for scope in Scope]}}
A_TIME = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}


class KeyOrder(Struct, frozen=True):
    """The body of a POST: what the key is for, and what it may be used for."""

    name: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MOST_NAME_CHARS})]
    scopes: Annotated[tuple[str, ...], Meta(extra_json_schema=SOME_SCOPES)]
    expires_at: Annotated[str | UnsetType | None, Meta(extra_json_schema=A_TIME)] = UNSET
    """A time to come; null: it does not expire."""


class KeysResource(BaseResource):
    """All keys, and a new one."""

    scopes: ClassVar[Scopes] = {"GET": Scope.ADMIN, "POST": Scope.ADMIN}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "All API keys, the newest first.", tag=Tag.ACCESS, answers={200: KeyList}, problems=(503,)
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """The newest first, also those that were revoked or have expired."""
        now = datetime.now(UTC)
        keys = tuple(info_of(key, now) for key in self._service.ask("keys", ListKeys()))
        send_json(resp, KeyList(len(keys), keys))

    @describe(
        "Make an API key.",
        tag=Tag.ACCESS,
        answers={201: MadeKey},
        problems=(422, 503),
        body=KeyOrder,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make a key. It is in this answer and nowhere else."""
        authorization = self._service.authorization
        authorization.require(req, "make an API key")
        now = datetime.now(UTC)
        order = _order(req)
        new = make_key(order.name, _scopes(order), now, _expiry(order, now))
        authorization.name(
            req, f"make the API key {new.record.prefix} ({order.name}: {', '.join(order.scopes)})"
        )
        self._service.ask("keys", CreateKey(new.record))
        resp.status = falcon.HTTP_CREATED
        resp.location = f"/api/keys/{new.record.id}"
        resp.set_header(*NO_STORE)
        send_json(resp, made_key(new, now))


class KeyResource(BaseResource):
    """One key."""

    scopes: ClassVar[Scopes] = {"GET": Scope.ADMIN, "DELETE": Scope.ADMIN}

    def __init__(self, service: AppContext, known_keys: KnownKeys) -> None:
        self._service = service
        self._known_keys = known_keys

    @describe(
        "One API key, without its secret.",
        tag=Tag.ACCESS,
        answers={200: KeyInfo},
        problems=(404, 503),
        path=(KEY_ID,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        """By its id."""
        wanted = _id(key_id)
        for key in self._service.ask("keys", ListKeys()):
            if key.id == wanted:
                send_json(resp, info_of(key, datetime.now(UTC)))
                return
        raise _unknown()

    @describe(
        "Revoke an API key.",
        tag=Tag.ACCESS,
        answers={204: None},
        problems=(404, 503),
        path=(KEY_ID,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        """Revoke it: it is refused from now on, here at once and elsewhere within seconds."""
        authorization = self._service.authorization
        authorization.require(req, f"revoke the API key {key_id}")
        require_no_fields(req)
        key = self._service.ask("keys", RevokeKey(_id(key_id)))
        self._known_keys.forget()
        if key is None:
            raise _unknown()
        authorization.name(req, f"revoke the API key {key.prefix} ({key.name})")
        resp.status = falcon.HTTP_NO_CONTENT


def _order(req: falcon.Request) -> KeyOrder:
    try:
        order = read_fields(req, KeyOrder)
    except BadField as error:
        raise InvalidField("Not a valid key", f"{error}.", field=error.field) from error
    fault = fault_of_name(order.name)
    if fault:
        raise InvalidField("Not a valid key", f"The field `name` {fault}.", field="name")
    return order


def _scopes(order: KeyOrder) -> frozenset[Scope]:
    known = [scope.value for scope in Scope]
    if not order.scopes:
        raise InvalidField(
            "Not a valid key",
            f"The field `scopes` is empty: name at least one of {', '.join(known)}.",
            field="scopes",
        )
    for name in order.scopes:
        if name not in known:
            close = near_match(name, known)
            hint = "" if close is None else f' Did you mean "{close}"?'
            raise InvalidField(
                "Not a valid key",
                f"Each of the field `scopes` must be one of {', '.join(known)}.{hint}",
                field="scopes",
                did_you_mean=close,
            )
    return frozenset(map(Scope, order.scopes))


def _expiry(order: KeyOrder, now: datetime) -> datetime | None:
    if not order.expires_at:
        if order.expires_at == "":
            raise _no_time()
        return None
    try:
        expires_at = parse_time(order.expires_at)
    except ValueError as error:
        raise _no_time() from error
    if expires_at <= now:
        raise InvalidField(
            "Not a valid key", "The field `expires_at` is in the past.", field="expires_at"
        )
    return expires_at


def _no_time() -> InvalidField:
    return InvalidField(
        "Not a valid key",
        "The field `expires_at` must be a time with its zone, such as 2027-01-31T12:00:00Z; null: "
        "it does not expire.",
        field="expires_at",
    )


def _id(key_id: str) -> UUID:
    try:
        return UUID(key_id)
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> falcon.HTTPNotFound:
    return falcon.HTTPNotFound(description="There is no API key with this id.")
