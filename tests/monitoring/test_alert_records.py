"""What is kept of an alert, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from vatwatch.config.alerts import AlertSettings
from vatwatch.monitoring.alert_records import AlertDelivery, AlertFilter, AlertRecord
from vatwatch.monitoring.alert_rules import NAMES, rules_with

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def fired(number: int = 1, at: datetime = NOON, **more: Any) -> AlertRecord:
    fields: dict[str, Any] = {
        "id": UUID(int=number),
        "key": "unhealthy:store",
        "rule": "unhealthy",
        "subject": "store",
        "severity": "critical",
        "summary": "a part is unhealthy",
        "cause": "gone",
        "since": at - MINUTE,
        "fired_at": at,
    }
    return AlertRecord(**{**fields, **more})


def test_each_telling_is_counted_and_waits_at_each_webhook_until_it_is_known_how_it_ended() -> None:
    record = fired().told("firing", ["a", "b"], NOON)
    assert (record.notified, record.delivery, record.until) == (1, "waiting", None)
    record = record.delivered(AlertDelivery("a", "firing", "delivered", NOON, 1))
    assert record.delivery == "waiting"
    assert [each.webhook for each in record.waiting()] == ["b"]
    record = record.delivered(AlertDelivery("b", "firing", "undelivered", NOON, 3, "HTTP 400"))
    assert record.delivery == "undelivered"
    record = record.told("resolved", ["a", "b"], NOON + MINUTE)
    assert (record.notified, record.until, len(record.deliveries)) == (2, NOON + MINUTE, 4)
    for webhook in ("a", "b"):
        for event in ("firing", "resolved"):
            done = AlertDelivery(webhook, event, "delivered", NOON)  # type: ignore[arg-type]
            record = record.delivered(done)
    assert (record.delivery, len(record.deliveries)) == ("delivered", 4)
    assert fired().told("firing", [], NOON).delivery == "none"


def test_every_change_has_a_higher_revision_and_no_change_has_none() -> None:
    record = fired()
    assert record.with_cause("gone") is record
    changed = [
        record.with_cause("worse"),
        record.told("firing", ["a"], NOON),
        record.delivered(AlertDelivery("a", "firing", "delivered", NOON)),
        record.ended(NOON),
    ]
    assert [each.revision for each in changed] == [1] * 4


def test_a_notification_is_the_same_whenever_it_is_made() -> None:
    record = fired().told("firing", ["a"], NOON)
    first = record.notification("firing")
    over = record.told("resolved", ["a"], NOON + MINUTE)
    assert over.notification("firing") == first
    assert over.notification("resolved").id != first.id
    assert over.notification("resolved").at == NOON + MINUTE
    assert {first.alert_id, over.notification("resolved").alert_id} == {str(record.id)}


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (AlertFilter(), (True, True)),
        (AlertFilter(state="active"), (True, False)),
        (AlertFilter(state="past"), (False, True)),
        (AlertFilter(rule="degraded"), (False, False)),
        (AlertFilter(severity="critical"), (True, True)),
        # Those that had not ended by then, and those that had begun before.
        (AlertFilter(since=NOON + 2 * MINUTE), (True, False)),
        (AlertFilter(since=NOON + MINUTE), (True, True)),
        (AlertFilter(until=NOON), (False, False)),
        (AlertFilter(until=NOON + MINUTE), (True, True)),
    ],
)
def test_a_record_must_match_all_parts_of_the_filter(
    wanted: AlertFilter, is_wanted: tuple[bool, bool]
) -> None:
    active, past = fired(), fired().ended(NOON + MINUTE)
    assert (wanted.wants(active), wanted.wants(past)) == is_wanted


def test_every_rule_has_times_of_its_own() -> None:
    settings = AlertSettings()
    rules = rules_with(settings.hold_of, settings.clear_of)
    assert set(rules) == set(NAMES)
    assert all(rule.hold_s >= 30 and rule.clear_s >= 60 for rule in rules.values())
    for name in NAMES:
        for part in ("HOLD", "CLEAR"):
            own = AlertSettings(**{f"VATWATCH_ALERT_{name.upper()}_{part}": 7.0})
            changed = rules_with(own.hold_of, own.clear_of)
            # `degraded` is what soft limits follow, too.
            others = {"resource_soft"} if (name, part) == ("degraded", "HOLD") else set()
            seven = {
                each
                for each, rule in changed.items()
                if (rule.hold_s if part == "HOLD" else rule.clear_s) == 7.0
            }
            assert seven == {name, *others}
