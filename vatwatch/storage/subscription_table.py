"""Subscriptions: what users want to be told of, how far snapshots were judged, and what is told.

What one snapshot has changed is written in one transaction (`write_judgement`): states, messages,
and the snapshot's time. So an occasion is judged once, and no message of it is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import Struct

from vatwatch.storage.copy import to_json
from vatwatch.subscriptions.occasions import Occasion, SubscriptionState
from vatwatch.subscriptions.records import (
    DeliveryRecord,
    KnownSubscription,
    MessageState,
    MessageToUser,
    UserSubscription,
)

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_COLUMNS = UserSubscription.__struct_fields__
_JSON = frozenset({"watch", "target"})
_DELIVERY = (
    "id, subscription_id, state, attempts, last_error, created_at, done_at, message, receipt"
)


class ReadSubscriptions(Struct, frozen=True):
    """All that the tables have of subscriptions, but for the messages that are done."""

    known: tuple[KnownSubscription, ...]
    """In the order in which they were made."""
    judged_at: datetime | None
    """The latest snapshot that was judged."""


def read_subscriptions(conn: connection) -> ReadSubscriptions:
    """Read all of them, with their states."""
    with conn.cursor() as cur:
        columns = ", ".join(f"{c}::text" if c in _JSON else c for c in _COLUMNS)
        cur.execute(f"SELECT state::text, {columns} FROM subscriptions ORDER BY created_at, id")
        known = tuple(_known(row) for row in cur)
        cur.execute("SELECT judged_at FROM subscription_progress")
        row = cur.fetchone()
    return ReadSubscriptions(known, None if row is None else row[0])


def write_subscription(conn: connection, known: KnownSubscription) -> None:
    """Write a subscription as it is now, with its state; it may be new."""
    one = known.subscription
    values: dict[str, Any] = {name: getattr(one, name) for name in _COLUMNS}
    values |= {name: to_json(values[name]) for name in _JSON}
    values |= {"id": str(one.id), "state": to_json(known.state)}
    with conn.cursor() as cur:
        cur.execute(
            f"""INSERT INTO subscriptions ({", ".join(values)})
                VALUES ({", ".join(f"%({name})s" for name in values)})
                ON CONFLICT (id) DO UPDATE
                SET {", ".join(f"{name} = excluded.{name}" for name in values if name != "id")}""",
            values,
        )


def delete_subscription(conn: connection, subscription_id: UUID) -> None:
    """Delete it, and its messages."""
    with conn.cursor() as cur:
        cur.execute("DELETE FROM subscriptions WHERE id = %s", (str(subscription_id),))


def write_judgement(
    conn: connection,
    judged_at: datetime,
    states: Mapping[UUID, SubscriptionState],
    messages: Iterable[MessageToUser],
    now: datetime,
) -> None:
    """Write what snapshots up to `judged_at` have changed. A message that has a row is kept as it
    is; one of a subscription that is gone is left out."""
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO subscription_progress (judged_at) VALUES (%s)
               ON CONFLICT (one) DO UPDATE SET judged_at = excluded.judged_at
               WHERE subscription_progress.judged_at < excluded.judged_at""",
            (judged_at,),
        )
        for subscription_id, state in states.items():
            cur.execute(
                "UPDATE subscriptions SET state = %s WHERE id = %s",
                (to_json(state), str(subscription_id)),
            )
        for message in messages:
            add_message(conn, message, now)


def add_message(conn: connection, message: MessageToUser, now: datetime) -> None:
    """Write a message that is to be delivered."""
    occasion = message.occasion
    with conn.cursor() as cur:
        cur.execute(
            """INSERT INTO subscription_deliveries
                   (id, subscription_id, occasion, message, state, attempts, last_error, receipt,
                    created_at)
               SELECT %s, s.id, %s, %s, 'waiting', 0, '', '', %s FROM subscriptions s
               WHERE s.id = %s ON CONFLICT (id) DO NOTHING""",
            (
                str(occasion.id),
                str(occasion.occasion),
                to_json(occasion),
                now,
                str(message.subscription_id),
            ),
        )


def read_waiting(
    conn: connection, limit: int, *, but: Iterable[UUID] = (), but_of: Iterable[UUID] = ()
) -> tuple[DeliveryRecord, ...]:
    """The messages that are not done, the oldest first, but these, and those of these
    subscriptions."""
    with conn.cursor() as cur:
        cur.execute(
            f"""SELECT {_DELIVERY} FROM subscription_deliveries
                WHERE done_at IS NULL AND NOT id = ANY(%s::uuid[])
                    AND NOT subscription_id = ANY(%s::uuid[])
                ORDER BY created_at, id LIMIT %s""",
            ([*map(str, but)], [*map(str, but_of)], limit),
        )
        return tuple(map(_delivery, cur))


def find_beginning(conn: connection, occasion: UUID) -> DeliveryRecord | None:
    """The message about the beginning of an occasion; None if it is not there any more."""
    with conn.cursor() as cur:
        cur.execute(
            f"""SELECT {_DELIVERY} FROM subscription_deliveries
                WHERE occasion = %s AND message->>'event' = 'began'""",
            (str(occasion),),
        )
        row = cur.fetchone()
        return None if row is None else _delivery(row)


def deliver_again(conn: connection, subscription_id: UUID, message_id: UUID) -> bool:
    """Let a message that was given up wait again. Returns whether there was one."""
    with conn.cursor() as cur:
        cur.execute(
            """UPDATE subscription_deliveries SET state = 'waiting', done_at = NULL
               WHERE id = %s AND subscription_id = %s AND state = 'undelivered'""",
            (str(message_id), str(subscription_id)),
        )
        return bool(cur.rowcount)


def find_deliveries(
    conn: connection, subscription_id: UUID, limit: int
) -> tuple[DeliveryRecord, ...]:
    """The latest messages of a subscription, the newest first."""
    with conn.cursor() as cur:
        cur.execute(
            f"""SELECT {_DELIVERY} FROM subscription_deliveries WHERE subscription_id = %s
                ORDER BY created_at DESC, id DESC LIMIT %s""",
            (str(subscription_id), limit),
        )
        return tuple(map(_delivery, cur))


def finish_delivery(
    conn: connection,
    message_id: UUID,
    state: MessageState,
    *,
    attempts: int,
    error: str = "",
    receipt: str = "",
    now: datetime,
) -> None:
    """Note how a delivery has ended. One that has ended already stays as it is, so its attempts are
    counted once."""
    with conn.cursor() as cur:
        cur.execute(
            """UPDATE subscription_deliveries
               SET state = %s, attempts = attempts + %s, last_error = %s, receipt = %s, done_at = %s
               WHERE id = %s AND done_at IS NULL""",
            (state, attempts, error, receipt, now, str(message_id)),
        )


def _known(row: tuple[Any, ...]) -> KnownSubscription:
    values = dict(zip(_COLUMNS, row[1:], strict=True))
    values |= {name: msgspec.json.decode(values[name]) for name in _JSON}
    return KnownSubscription(
        msgspec.convert(values, UserSubscription),
        msgspec.json.decode(row[0], type=SubscriptionState),
    )


def _delivery(row: tuple[Any, ...]) -> DeliveryRecord:
    id_, subscription_id, state, attempts, error, created_at, done_at, message, receipt = row
    return DeliveryRecord(
        UUID(str(id_)),
        UUID(str(subscription_id)),
        state,
        attempts,
        error,
        created_at,
        done_at,
        msgspec.convert(message, Occasion),
        receipt,
    )
