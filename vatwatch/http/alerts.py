"""Alerts: the rules, what fires now, what fired before, and the state of each notification."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import falcon
from msgspec.structs import asdict

from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.pages import send_newest
from vatwatch.http.params import CURSOR, LIMIT, SINCE, UNTIL, Declared, one_of
from vatwatch.messages import FindAlerts, GetAlerts, GetLatestAlerts
from vatwatch.monitoring.alert_records import ALERT_STATES, AlertFilter
from vatwatch.monitoring.alert_rules import NAMES

STATE = one_of("state", ALERT_STATES)
RULE = one_of("rule", NAMES)
SEVERITY = one_of("severity", ["warning", "critical"])


class AlertsResource(BaseResource):
    """Active alerts from the alerter; past ones from the table, or from its memory."""

    parameters: ClassVar[Declared] = {"GET": (STATE, RULE, SEVERITY, SINCE, UNTIL, LIMIT, CURSOR)}

    def __init__(self, service: AppContext) -> None:
        self._service = service

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
        known = asdict(now) | {"active": [each for each in now.active if wanted.wants(each)]}
        if wanted.state == "active":
            nothing = {"source": "memory", "count": 0, "past": [], "next_cursor": None}
            send_json(resp, known | nothing)
            return
        past = replace(wanted, state="past")
        send_newest(
            self._service,
            resp,
            "past",
            table=FindAlerts(past, limit, after),
            keeper="alerter",
            memory=GetLatestAlerts(past, limit, after),
            limit=limit,
            more=known,
        )
