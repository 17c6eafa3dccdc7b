"""Subscriptions: what the owner of a key wants to be told of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import falcon
from msgspec import UNSET

from vatwatch.access.caller import Caller
from vatwatch.access.scopes import Scope
from vatwatch.errors import FirsUnknown, SubscriptionRefused
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import of_collector
from vatwatch.http.params import Declared, text, whole_number
from vatwatch.http.problems import RETRY_AFTER_S
from vatwatch.http.request_bodies import require_no_fields
from vatwatch.http.subscription_bodies import (
    DeliveryList,
    MadeSubscription,
    SentTest,
    SubscriptionChange,
    SubscriptionInfo,
    SubscriptionList,
    SubscriptionOrder,
    changed_by,
    delivery_info,
    info_of,
    invalid,
    made_info,
    read_order,
)
from vatwatch.messages import (
    DeleteSubscription,
    DeliverAgain,
    FindDeliveries,
    ListSubscriptions,
    SaveSubscription,
    SendTestMessage,
)
from vatwatch.subscriptions.records import StreamTarget, UserSubscription
from vatwatch.subscriptions.watches import PositionWatch

MOST_DELIVERIES = 100
SUBSCRIPTION_ID = text(
    "subscription_id",
    about="The `id` of a subscription.",
    example="0d5e1c4e-6d0e-4a5e-9f0e-2f6f0c6a7b11",
)
DELIVERY_ID = text(
    "delivery_id",
    about="The `id` of a message.",
    example="5a6ffb0c-5c39-5f4e-8f15-2f7dd1a0e3c4",
)
LIMIT = whole_number(
    "limit", 1, MOST_DELIVERIES, MOST_DELIVERIES, about="How many messages at most."
)


class _OwnersResource(BaseResource):
    """What the resources of subscriptions have in common."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def _reader(self, req: falcon.Request) -> Caller:
        caller = self._service.authorization.callers.of(req)
        assert caller is not None  # `ReadAccess` has let nobody else through
        return caller

    def _all_of(self, caller: Caller) -> tuple[UserSubscription, ...]:
        """Those that this caller may see."""
        owner = None if Scope.ADMIN in caller.scopes else caller.who
        return self._service.ask("subscriptions", ListSubscriptions(owner))

    def _one_of(self, caller: Caller, subscription_id: str) -> UserSubscription:
        """One of them. Raises falcon.HTTPNotFound, also if it is somebody else's."""
        unknown = falcon.HTTPNotFound(description="There is no subscription with this id.")
        try:
            wanted = UUID(subscription_id)
        except ValueError as error:
            raise unknown from error
        found = next((one for one in self._all_of(caller) if one.id == wanted), None)
        if found is None:
            raise unknown
        return found

    def _save(self, subscription: UserSubscription, *, is_new: bool) -> None:
        try:
            self._service.ask("subscriptions", SaveSubscription(subscription, is_new))
        except FirsUnknown as error:
            raise falcon.HTTPServiceUnavailable(
                description=error.must, retry_after=RETRY_AFTER_S
            ) from error
        except SubscriptionRefused as error:
            if not error.field:
                raise falcon.HTTPConflict(description=error.must) from error
            raise invalid(error.field, error.must, error.did_you_mean) from error


@of_collector("GET", "POST")
class SubscriptionsResource(_OwnersResource):
    """All subscriptions of a key, and a new one."""

    scopes: ClassVar[Scopes] = {"GET": Scope.SUBSCRIPTIONS, "POST": Scope.SUBSCRIPTIONS}

    @describe(
        "The subscriptions of the key, the oldest first.",
        tag=Tag.SUBSCRIPTIONS,
        answers={200: SubscriptionList},
        problems=(503,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The oldest first."""
        shown = tuple(map(info_of, self._all_of(self._reader(req))))
        send_json(resp, SubscriptionList(len(shown), shown))

    @describe(
        "Make a subscription.",
        tag=Tag.SUBSCRIPTIONS,
        answers={201: MadeSubscription},
        problems=(409, 422, 503),
        body=SubscriptionOrder,
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make a subscription. It is judged from the next snapshot on."""
        authorization = self._service.authorization
        caller = authorization.require(req, "make a subscription")
        now = datetime.now(UTC)
        order = read_order(req)
        for field in ("watch", "target"):
            if getattr(order, field) is UNSET:
                raise invalid(field, "must be given")
        blank = UserSubscription(
            id=uuid4(),
            owner=caller.who,
            name="",
            watch=PositionWatch("-"),
            target=StreamTarget(),
            enabled=True,
            tell_present=False,
            until=None,
            created_at=now,
            changed_at=now,
        )
        made = changed_by(blank, order, now)
        authorization.name(req, f"make the subscription {made.id} ({made.name})")
        self._save(made, is_new=True)
        resp.status = falcon.HTTP_CREATED
        resp.location = f"/api/subscriptions/{made.id}"
        resp.set_header("Cache-Control", "no-store")
        send_json(resp, made_info(made))


@of_collector("GET", "DELETE")
class SubscriptionResource(_OwnersResource):
    """One subscription."""

    scopes: ClassVar[Scopes] = {
        "GET": Scope.SUBSCRIPTIONS,
        "PATCH": Scope.SUBSCRIPTIONS,
        "DELETE": Scope.SUBSCRIPTIONS,
    }

    @describe(
        "One subscription.",
        tag=Tag.SUBSCRIPTIONS,
        answers={200: SubscriptionInfo},
        problems=(404, 503),
        path=(SUBSCRIPTION_ID,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, subscription_id: str) -> None:
        """By its id."""
        send_json(resp, info_of(self._one_of(self._reader(req), subscription_id)))

    @describe(
        "Change a subscription.",
        tag=Tag.SUBSCRIPTIONS,
        answers={200: SubscriptionInfo},
        problems=(404, 409, 422, 503),
        body=SubscriptionChange,
        path=(SUBSCRIPTION_ID,),
    )
    def on_patch(self, req: falcon.Request, resp: falcon.Response, subscription_id: str) -> None:
        """Change what the body names. With another watch it begins anew."""
        caller = self._service.authorization.require(
            req, f"change the subscription {subscription_id}"
        )
        order = read_order(req)
        before = self._one_of(caller, subscription_id)
        changed = changed_by(before, order, datetime.now(UTC))
        self._save(changed, is_new=False)
        send_json(resp, info_of(changed))

    @describe(
        "Delete a subscription.",
        tag=Tag.SUBSCRIPTIONS,
        answers={204: None},
        problems=(404, 503),
        path=(SUBSCRIPTION_ID,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, subscription_id: str) -> None:
        """Delete it, and its messages."""
        caller = self._service.authorization.require(
            req, f"delete the subscription {subscription_id}"
        )
        require_no_fields(req)
        found = self._one_of(caller, subscription_id)
        self._service.ask("subscriptions", DeleteSubscription(found.id))
        resp.status = falcon.HTTP_NO_CONTENT


@of_collector("POST")
class SubscriptionTestResource(_OwnersResource):
    """A message by which one sees that messages arrive."""

    scopes: ClassVar[Scopes] = {"POST": Scope.SUBSCRIPTIONS}

    @describe(
        "Send the target of a subscription a test message.",
        tag=Tag.SUBSCRIPTIONS,
        answers={202: SentTest},
        problems=(404, 409, 503),
        path=(SUBSCRIPTION_ID,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, subscription_id: str) -> None:
        """Send its target a test message."""
        caller = self._service.authorization.require(
            req, f"test the subscription {subscription_id}"
        )
        require_no_fields(req)
        found = self._one_of(caller, subscription_id)
        try:
            sent = self._service.ask("subscriptions", SendTestMessage(found.id))
        except SubscriptionRefused as error:
            raise falcon.HTTPConflict(description=error.must) from error
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, SentTest(sent))


@of_collector("GET")
class DeliveriesResource(_OwnersResource):
    """What was sent of a subscription, and waits to be."""

    scopes: ClassVar[Scopes] = {"GET": Scope.SUBSCRIPTIONS}
    parameters: ClassVar[Declared] = {"GET": (LIMIT,)}

    @describe(
        "The latest messages of a subscription, the newest first.",
        tag=Tag.SUBSCRIPTIONS,
        answers={200: DeliveryList},
        problems=(404, 503),
        path=(SUBSCRIPTION_ID,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, subscription_id: str) -> None:
        """The newest first."""
        limit = LIMIT.of(req)
        found = self._one_of(self._reader(req), subscription_id)
        records = self._service.ask("subscriptions", FindDeliveries(found.id, limit))
        send_json(resp, DeliveryList(len(records), tuple(map(delivery_info, records))))


@of_collector("POST")
class RedeliveryResource(_OwnersResource):
    """Another try of a message that was given up."""

    scopes: ClassVar[Scopes] = {"POST": Scope.SUBSCRIPTIONS}

    @describe(
        "Try a message again that could not be delivered.",
        tag=Tag.SUBSCRIPTIONS,
        answers={202: SentTest},
        problems=(404, 503),
        path=(SUBSCRIPTION_ID, DELIVERY_ID),
    )
    def on_post(
        self, req: falcon.Request, resp: falcon.Response, subscription_id: str, delivery_id: str
    ) -> None:
        """It has the same id as before."""
        caller = self._service.authorization.require(
            req, f"deliver the message {delivery_id} of the subscription {subscription_id} again"
        )
        require_no_fields(req)
        found = self._one_of(caller, subscription_id)
        unknown = falcon.HTTPNotFound(
            description="There is no message with this id that was given up."
        )
        try:
            wanted = UUID(delivery_id)
        except ValueError as error:
            raise unknown from error
        if not self._service.ask("subscriptions", DeliverAgain(found.id, wanted)):
            raise unknown
        resp.status = falcon.HTTP_ACCEPTED
        send_json(resp, SentTest(wanted))
