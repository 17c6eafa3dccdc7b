"""Alerts: the rules, what fires now, what fired before, and the state of each notification."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import falcon
from msgspec.structs import asdict

from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import of_collector
from vatwatch.http.pages import send_newest
from vatwatch.http.params import CURSOR, LIMIT, Declared, moment, one_of
from vatwatch.messages import FindAlerts, GetAlerts, GetLatestAlerts
from vatwatch.monitoring.alert_records import ALERT_STATES, AlertFilter, AlertRecord, Alerts
from vatwatch.monitoring.alert_rules import NAMES

STATE = one_of(
    "state", ALERT_STATES, about="Only those that fire now, or only those that are over."
)
RULE = one_of("rule", NAMES, about="Only alerts of this rule.")
SEVERITY = one_of("severity", ["warning", "critical"], about="Only alerts of this severity.")
SINCE = moment("since", about="Only alerts that were not over before this time.")
UNTIL = moment("until", about="Only alerts that fired before this time.")


class AlertsPage(Alerts, frozen=True, kw_only=True):
    """The present alerts, and a page of those that are over."""

    source: Literal["database", "memory"]
    """Where `past` comes from: memory while the database is away."""
    count: int
    """How many are in `past`."""
    past: tuple[AlertRecord, ...]
    """Those that are over, the latest first."""
    next_cursor: str | None
    """Continues `past`; null: there is no more."""


@of_collector("GET")
class AlertsResource(BaseResource):
    """Active alerts from the alerter; past ones from the table, or from its memory."""

    parameters: ClassVar[Declared] = {"GET": (STATE, RULE, SEVERITY, SINCE, UNTIL, LIMIT, CURSOR)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "The rules of alerts, what fires now, and what fired before.",
        tag=Tag.SERVICE,
        answers={200: AlertsPage},
        problems=(503,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """`active` and `past`, each the latest first; `next_cursor` leads to earlier past ones."""
        wanted = AlertFilter(
            state=STATE.of(req),
            rule=RULE.of(req),
            severity=SEVERITY.of(req),
            since=SINCE.of(req),
            until=UNTIL.of(req),
        )
        limit, after = LIMIT.of(req), CURSOR.of(req)
        now = self._service.ask("alerter", GetAlerts())
        active = tuple(each for each in now.active if wanted.wants(each))
        known = asdict(now) | {"active": active}
        if wanted.state == "active":
            send_json(
                resp, AlertsPage(**known, source="memory", count=0, past=(), next_cursor=None)
            )
            return
        past = replace(wanted, state="past")
        send_newest(
            self._service,
            resp,
            lambda page: AlertsPage(**known, past=page.records, **page.head()),
            table=FindAlerts(past, limit, after),
            keeper="alerter",
            memory=GetLatestAlerts(past, limit, after),
            limit=limit,
        )
