"""Subscriptions: judges each snapshot for what users want to be told of, and tells them.

Receives  NetworkMoved, ListSubscriptions, SaveSubscription, DeleteSubscription, SendTestMessage,
          DeliverAgain, FindDeliveries, DatabaseReturned, UseRole, SettingsChanged, TryAgain
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
from msgspec import structs
from msgspec.structs import replace

from vatwatch.actors.database import Database, expect_schema, open_database
from vatwatch.actors.node_role import NodeRole
from vatwatch.actors.postman import Postman
from vatwatch.actors.service import Service
from vatwatch.actors.subscription_checks import areas_in_use, check_subscription, goes_on
from vatwatch.actors.subscription_counts import counts_of
from vatwatch.actors.subscription_judge import Unsaved, as_of, judge_all
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
    UseRole,
)
from vatwatch.messages.subscriptions import ToSubscriptions
from vatwatch.monitoring.health import Health
from vatwatch.storage.subscription_table import (
    add_message,
    delete_subscription,
    deliver_again,
    find_deliveries,
    read_subscriptions,
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

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from vatwatch.config.areas import AreaSettings
    from vatwatch.config.breaker import BreakerSettings
    from vatwatch.config.database import DatabaseSettings
    from vatwatch.config.subscriptions import SubscriptionSettings
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
        several_nodes: bool = False,
    ) -> None:
        """
        Args:
            settings: how many each may have, and how they are told
            database: where the database is
            breaker: when the breaker around it opens, and for how long
            rules: how long somebody may be away and is still the same
            areas: whether files of FIRs are named
            judges: without, nothing is judged and told: a replay is about what is past
            several_nodes: of these the one that collects judges and tells
        """
        super().__init__()
        self._settings = settings
        self._database_settings = database
        self._breaker = breaker
        self._rules = rules
        self._area_settings = areas
        self._may_judge, self._several_nodes = judges, several_nodes
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
        self._role = self.lasting(NodeRole)
        self._role.begin(several_nodes=self._several_nodes)
        self._postman = self._engage_postman()
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
            case UseRole(collects):
                self._use_role(collects=collects)
            case SettingsChanged():
                self._change(message)
            case _:
                assert_never(message)
        return None

    @property
    def _judges(self) -> bool:
        return self._may_judge and self._role.collects

    def _use_role(self, *, collects: bool) -> None:
        """Begin to judge and tell, or leave it to another node. What that has done is in the
        database."""
        if not self._role.use(collects=collects):
            return
        self._known, self._unsaved = None, Unsaved()
        self._postman.stop()
        self._postman = self._engage_postman()
        self._try_in(0)

    def _engage_postman(self) -> Postman:
        postman = Postman(
            self, self, self._database, self._settings, self._breaker, changed=self._report
        )
        if self._judges:
            postman.start()
        return postman

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
        try:
            self._run(unsaved.write)
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
        self._known = as_of(found)
        self._judge()
        self._report()

    def _all(self) -> dict[UUID, KnownSubscription]:
        if not self._role.collects:
            self._read()  # another node may have changed them
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
            areas_in_use(self._network, self._area_settings),
        )
        state = SubscriptionState()
        if before is not None and goes_on(before.subscription, subscription):
            state = before.state
        now = KnownSubscription(subscription, state)
        self._run(partial(write_subscription, known=now))
        if before is None or state is not before.state:
            self._unsaved.forget(subscription.id)
        known[subscription.id] = now
        self._postman.target_changed(subscription.id)
        self._report()

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
        status = structs.replace(
            counts_of(self._known or {}, self._unsaved, self._postman),
            judged_at=self._judged_at,
            judge_ms=self._judge_ms,
            told=self._told,
            last_error=self._last_error,
            since=self._since,
        )
        self.report(
            Health.DEGRADED if self._last_error else Health.HEALTHY, self._last_error, status
        )
