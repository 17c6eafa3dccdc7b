"""Health monitor: knows how every service is, because each one says so when it changes.

Receives  ServiceReport, GetReports, CheckHealth
Sends     Publish (HEALTH_CHECK) to event_bus
Holds     the latest report of each service, in a dict that outlives it: a service that has nothing
          new to say (the feed stands still) would not be heard again
Restart   costs nothing
"""

from __future__ import annotations

from typing import Any, assert_never

from vatwatch.actors.service import Service
from vatwatch.messages import (
    CacheStatus,
    CheckHealth,
    GetReports,
    Health,
    Reports,
    ServiceReport,
)
from vatwatch.traffic.payloads import HealthPayload

Received = ServiceReport | GetReports | CheckHealth


class HealthMonitorActor(Service):
    """Keeper of how everybody is."""

    def __init__(self, reports: dict[str, ServiceReport], *, interval_s: float) -> None:
        super().__init__()
        self._interval_s = interval_s
        self._reports = reports

    def on_start(self) -> None:
        self.after(self._interval_s, CheckHealth())

    def on_receive(self, message: Received) -> Any:
        match message:
            case ServiceReport(service):
                self._reports[service] = message
            case GetReports():
                return self._overall()
            case CheckHealth():
                self._check()
            case _:
                assert_never(message)
        return None

    def _check(self) -> None:
        reports = self._overall()
        services = {name: report.health.value for name, report in reports.services.items()}
        self.publish("HEALTH_CHECK", HealthPayload(reports.health.value, services))
        self.after(self._interval_s, CheckHealth())

    def _overall(self) -> Reports:
        """Unhealthy is who cannot serve; whoever serves with a part that fails is degraded."""
        services = dict(self._reports)
        cache = services.get("cache")
        if (
            cache is None
            or not isinstance(cache.status, CacheStatus)
            or cache.status.update_timestamp is None
        ):
            return Reports(Health.UNHEALTHY, "there is no live state to serve yet", services)
        reasons = [
            f"{name}: {report.reason}"
            for name, report in sorted(services.items())
            if report.health is not Health.HEALTHY
        ]
        if reasons:
            return Reports(Health.DEGRADED, "; ".join(reasons), services)
        return Reports(Health.HEALTHY, "", services)
