"""Subscriptions: judges each snapshot for what users want to be told of, and tells them.

Receives  NetworkMoved, ListSubscriptions, SaveSubscription, DeleteSubscription, SendTestMessage,
          DeliverAgain, FindDeliveries, DatabaseReturned, SettingsChanged, TryAgain
Asks      postgres GetDsn, if the cluster is embedded; event_bus AcceptEvent
Sends     DatabaseReturned to store, history and keys, ServiceReport
Holds     all subscriptions with what they remember, and what is judged and not written yet
Restart   costs nothing: states and messages are in the database, and what was not written is judged
          again from the next snapshot

A snapshot's states and messages are written in one transaction, and only what is written is
delivered. So an occasion is judged once, and told at least once; its id says whether it came twice.
While the database is away, judging goes on in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, assert_never
from uuid import UUID, uuid4

import psycopg2
from msgspec.structs import replace

from vatwatch.actors.database import Database, expect_schema, open_database
from vatwatch.actors.postman import Postman
from vatwatch.actors.service import Service
from vatwatch.actors.subscription_checks import check_subscription
from vatwatch.actors.subscription_judge import Unsaved, caught_up, judge_all
from vatwatch.errors import DatabaseUnavailable, StorageError, SubscriptionRefused
from vatwatch.messages import (
    DatabaseReturned,
    DeleteSubscription,
    DeliverAgain,
    FindDeliveries,
    ListSubscriptions,
    NetworkMoved,
    SaveSubscription,
    SendTestMessage,
    SettingsChanged,
)
from vatwatch.messages.subscription_status import SubscriptionsStatus
from vatwatch.messages.subscriptions import ToSubscriptions
from vatwatch.monitoring.health import Health
from vatwatch.storage.subscription_table import (
    add_message,
    delete_subscription,
    deliver_again,
    find_deliveries,
    read_subscriptions,
    write_judgement,
    write_subscription,
)
from vatwatch.subscriptions.occasions import SubscriptionState, test_occasion
from vatwatch.subscriptions.records import (
    KnownSubscription,
    MessageToUser,
    UserSubscription,
)
from vatwatch.subscriptions.view import NetworkView
from vatwatch.supervision import NativePool, Reply, Tell, Timer
from vatwatch.supervision.failures import text_of
from vatwatch.traffic.areas.known_areas import NO_AREAS

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from vatwatch.config.areas import AreaSettings
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.database import DatabaseSettings
    from vatwatch.config.subscriptions import SubscriptionSettings
    from vatwatch.traffic.areas.known_areas import KnownAreas
    from vatwatch.traffic.network_state import Rules

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TryAgain(Tell):
    """Read the subscriptions, or write what was judged, if that is due."""


Received: TypeAlias = ToSubscriptions | TryAgain

# Between two tries while the database is away; its breaker may ask for more.
RETRY_S = 1.0
# One judges and answers, one notes deliveries, so that neither waits for the other.
CONNECTIONS = 2


class SubscriptionsActor(Service):
    """All subscriptions, of all owners."""

    _database: Database

    def __init__(
        self,
        settings: SubscriptionSettings,
        database: DatabaseSettings,
        breaker: BreakerSettings,
        rules: Rules,
        areas: AreaSettings,
        *,
        judges: bool = True,
    ) -> None:
        """
        Args:
            settings: how many each may have, and how they are told
            database: where the database is
            breaker: when the breaker around it opens, and for how long
            rules: how long somebody may be away and is still the same
            areas: whether files of FIRs are named
            judges: without, nothing is judged and told: a replay is about what is past
        """
        super().__init__()
        self._settings = settings
        self._database_settings = database
        self._breaker = breaker
        self._rules = rules
        self._area_settings = areas
        self._judges = judges
        self._known: dict[UUID, KnownSubscription] | None = None
        """None: they were not read yet."""
        self._judged_at: datetime | None = None
        self._network: NetworkMoved | None = None
        self._unsaved = Unsaved()
        self._timer: Timer | None = None
        self._last_error = ""
        self._since: datetime | None = None
        self._told = 0
        self._judge_ms: float | None = None
        self._pool = NativePool(1, "subscriptions")

    def on_start(self) -> None:
        self._database = open_database(
            self,
            self._database_settings,
            self._breaker,
            connections=CONNECTIONS,
            prepare=expect_schema,
        )
        self._postman = Postman(
            self, self, self._database, self._settings, self._breaker, changed=self._report
        )
        if self._judges:
            self._postman.start()
        self._try_in(0)
        self._report()

    def on_stop(self) -> None:
        self._postman.stop()
        self._close()

    def on_crash(self, error: BaseException, in_hand: object | None) -> None:
        self._close()

    def on_receive(self, message: Received) -> Any:
        match message:
            case NetworkMoved():
                self._network = message
                self._judge()
            case ListSubscriptions(owner):
                known = (one.subscription for one in self._all().values())
                return tuple(one for one in known if owner is None or one.owner == owner)
            case SaveSubscription(subscription, is_new):
                self._save(subscription, is_new=is_new)
            case DeleteSubscription(subscription_id):
                self._delete(subscription_id)
            case SendTestMessage(subscription_id):
                return self._send_test(subscription_id)
            case DeliverAgain(subscription_id, message_id):
                return self._deliver_again(subscription_id, message_id)
            case FindDeliveries(subscription_id, limit):
                query = partial(find_deliveries, subscription_id=subscription_id, limit=limit)
                self.spawn(self._answer, query, self.reply_later())
            case TryAgain():
                self._timer = None
                self._try()
            case DatabaseReturned():
                self._database.reset()
                self._try_in(0)
            case SettingsChanged():
                self._change(message)
            case _:
                assert_never(message)
        return None

    # --- judging -----------------------------------------------------------------------------

    def _judge(self) -> None:
        """Judge the live state, if it is a new one and the subscriptions are known."""
        network, known = self._network, self._known
        if network is None or known is None or not self._judges:
            return
        time = network.state.time
        if time is None or (self._judged_at is not None and time <= self._judged_at):
            return
        now = datetime.now(UTC)
        active = [one for one in known.values() if one.subscription.is_active(now)]
        if not active:
            return
        began = monotonic()
        view = NetworkView(network.state, network.areas, self._rules)
        judged = self._pool.run(judge_all, view, active)
        self._judge_ms = (monotonic() - began) * 1000
        self._unsaved.add(known, judged, time)
        self._judged_at = time
        for subscription_id, state in judged.states.items():
            known[subscription_id] = replace(known[subscription_id], state=state)
        self._save_judged()

    def _save_judged(self) -> None:
        """Write what was judged. While the database is away it stays, and more is added."""
        unsaved = self._unsaved
        if unsaved.judged_at is None:
            return
        now = datetime.now(UTC)
        try:
            self._run(
                lambda conn: write_judgement(
                    conn, unsaved.judged_at or now, unsaved.states, unsaved.messages, now
                )
            )
        except StorageError:
            self._try_in(max(RETRY_S, self._database.retry_in_s))
            return
        except psycopg2.Error as error:
            # A value that PostgreSQL refuses: with it, nothing would ever be written again.
            self.report_failure("write judgement", error)
            self._unsaved = Unsaved(dropped=unsaved.dropped + len(unsaved.messages))
        else:
            self._told += len(unsaved.messages)
            self._unsaved = Unsaved(dropped=unsaved.dropped)
            if unsaved.messages:
                self._postman.look()
        self._report()

    # --- the database ------------------------------------------------------------------------

    def _try_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.after(seconds, TryAgain())

    def _try(self) -> None:
        if self._known is None:
            self._read()
        else:
            self._save_judged()
        if self._judges:
            self._postman.look()

    def _read(self) -> None:
        try:
            found = self._run(read_subscriptions)
        except (StorageError, psycopg2.Error):
            self._try_in(max(RETRY_S, self._database.retry_in_s))
            return
        self._judged_at = found.judged_at
        self._known = {
            one.subscription.id: replace(one, state=caught_up(one.state, found.judged_at))
            for one in found.known
        }
        self._judge()
        self._report()

    def _all(self) -> dict[UUID, KnownSubscription]:
        if self._known is None:
            raise DatabaseUnavailable(self._last_error or "the subscriptions were not read yet")
        return self._known

    def _run(self, work: Callable[[connection], R]) -> R:
        try:
            result = self._database.run(work)
        except (StorageError, psycopg2.Error) as error:
            self._last_error = text_of(error)
            self._since = self._since or datetime.now(UTC)
            self._report()
            raise
        if self._last_error:
            self._last_error, self._since = "", None
            self._report()
        return result

    # --- what users want ---------------------------------------------------------------------

    def _save(self, subscription: UserSubscription, *, is_new: bool) -> None:
        known = self._all()
        before = known.get(subscription.id)
        if before is None and not is_new:
            raise SubscriptionRefused("", "It was deleted meanwhile.")
        check_subscription(
            subscription,
            None if before is None else before.subscription,
            sum(one.subscription.owner == subscription.owner for one in known.values()),
            self._settings,
            self._areas(),
        )
        state = SubscriptionState()
        if before is not None and _goes_on(before.subscription, subscription):
            state = before.state
        now = KnownSubscription(subscription, state)
        self._run(partial(write_subscription, known=now))
        if before is None or state is not before.state:
            self._unsaved.forget(subscription.id)
        known[subscription.id] = now
        self._postman.target_changed(subscription.id)
        self._report()

    def _areas(self) -> KnownAreas | None:
        """The areas in use; None: files name some, and none has come with a snapshot yet."""
        areas = NO_AREAS if self._network is None else self._network.areas
        return None if self._area_settings.positions_data and not areas.areas else areas

    def _delete(self, subscription_id: UUID) -> None:
        known = self._all()
        self._run(partial(delete_subscription, subscription_id=subscription_id))
        known.pop(subscription_id, None)
        self._unsaved.forget(subscription_id)
        self._postman.target_changed(subscription_id)
        self._report()

    def _deliver_again(self, subscription_id: UUID, message_id: UUID) -> bool:
        found = self._run(
            partial(deliver_again, subscription_id=subscription_id, message_id=message_id)
        )
        self._postman.look()
        return found

    def _send_test(self, subscription_id: UUID) -> UUID:
        known = self._all().get(subscription_id)
        if known is None:
            raise SubscriptionRefused("", "It was deleted meanwhile.")
        now = datetime.now(UTC)
        occasion = test_occasion(uuid4(), known.subscription.name, now)
        message = MessageToUser(subscription_id, occasion)
        self._run(partial(add_message, message=message, now=now))
        self._postman.look()
        return occasion.id

    def _answer(self, query: Callable[[connection], object], reply: Reply[Any]) -> None:
        """In a separate greenlet, so that judging does not wait for it."""
        try:
            reply.set(self._run(query))
        except Exception as error:  # noqa: BLE001 - the asker gets it, and others do not notice
            reply.fail(error)

    # --- the rest ----------------------------------------------------------------------------

    def subscription(self, subscription_id: UUID) -> UserSubscription | None:
        """For the postman: whose message it is; None if that is gone."""
        known = None if self._known is None else self._known.get(subscription_id)
        return None if known is None else known.subscription

    def _change(self, message: SettingsChanged) -> None:
        settings = message.settings
        self._settings, self._breaker = settings.subscriptions, settings.breaker
        self._rules, self._area_settings = message.options.rules, settings.areas
        self._database.change(settings.database, settings.breaker)
        self._postman.change(settings.subscriptions, settings.breaker)

    def _close(self) -> None:
        self._pool.close()
        self._database.close()

    def _report(self) -> None:
        self.describe(self._report_status)

    def _report_status(self) -> None:
        known = {} if self._known is None else self._known
        now = datetime.now(UTC)
        status = SubscriptionsStatus(
            subscriptions=len(known),
            active=sum(one.subscription.is_active(now) for one in known.values()),
            judged_at=self._judged_at,
            judge_ms=self._judge_ms,
            told=self._told,
            unsaved=len(self._unsaved.messages),
            dropped=self._unsaved.dropped,
            waiting=self._postman.waiting,
            delivered=self._postman.delivered,
            undelivered=self._postman.undelivered,
            last_error=self._last_error,
            since=self._since,
        )
        self.report(
            Health.DEGRADED if self._last_error else Health.HEALTHY, self._last_error, status
        )


def _goes_on(before: UserSubscription, now: UserSubscription) -> bool:
    """Whether what was remembered is of use: it waits for the same, and was not paused."""
    return before.watch == now.watch and before.enabled and now.enabled
