"""A house whose service has several workers, of which one collects."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg2
import requests
from psycopg2.extensions import parse_dsn

from tests.chaos.area_files import area_settings
from tests.chaos.house import House, walk

MOST_WORKERS = 4


class ClusterHouse(House):
    """Nobody cuts connections here: the workers reach PostgreSQL, Redis and the feed without the
    proxies, which would take time of the processor."""

    wanted = 3
    """Workers that there are to be."""

    def living(self) -> list[psutil.Process]:
        """The workers that run, the oldest first."""
        return sorted(filter(_lives, self.workers()), key=lambda worker: worker.create_time())

    def collector(self) -> psutil.Process | None:
        """The worker that collects, as the database and the homes say; None: none that runs."""
        with suppress(psycopg2.Error, OSError):
            for (node,) in self.query("SELECT node FROM collector"):
                holder = (self.home / node / "lock").read_text().split("\n")[0]
                return next((one for one in self.living() if str(one.pid) == holder), None)
        return None

    def is_full(self) -> bool:
        """Whether there are as many as may be."""
        return self.wanted == MOST_WORKERS

    def one_more(self) -> str:
        """SIGTTIN: a worker more."""
        assert self.service is not None
        self.wanted += 1
        self.service.send_signal(signal.SIGTTIN)
        return "more"

    def one_less(self) -> str:
        """SIGTTOU: a worker less."""
        assert self.service is not None
        self.wanted -= 1
        self.service.send_signal(signal.SIGTTOU)
        return "less"

    def why_not_whole(self) -> str:
        """What is missing; empty: exactly one of all workers collects, the tree of each is whole,
        and nothing waits for the database."""
        status = self.get("/api/status")
        if status is None:
            return "no status"
        alive = [one for one in status["nodes"] if one["alive"]]
        roles = sorted(one["role"] for one in alive)
        if roles != ["collector", *["follower"] * (self.wanted - 1)]:
            return f"{self.wanted} workers are to be there, there are {', '.join(roles) or 'none'}"
        if {one["pid"] for one in alive} != {worker.pid for worker in self.living()}:
            return "it knows of other workers than there are"
        if self.query("SELECT 1 FROM handed_snapshots LIMIT 1"):
            return "snapshots are on their way from one journal to the other"
        return next((why for one in alive if (why := self._missing_at(one))), "")

    def _missing_at(self, node: dict[str, Any]) -> str:
        name, collects = node["node"], node["role"] == "collector"
        tree = self.get(f"/api/supervision/tree?node={name}")
        status = self.get(f"/api/status?node={name}")
        if tree is None or status is None:
            return f"{name} does not answer"
        for one in walk(tree):
            is_pipeline = one["path"].startswith("vatwatch/pipeline")
            due = "standby" if is_pipeline and not collects else "running"
            if one["state"] != due:
                return f"{one['path']} of the {node['role']} {name} is {one['state']}, not {due}"
            if one["breaker"] is not None and one["breaker"]["state"] != "closed":
                return f"the breaker of {one['path']} at {name} is {one['breaker']['state']}"
        pending = status["journal"]["pending"]
        if pending > (1 if collects else 0):
            return f"{pending} snapshots wait in the journal of the {node['role']} {name}"
        return ""

    def _settings(self) -> dict[str, str]:
        words = parse_dsn(self.dsn)
        return {
            **super()._settings(),
            "DATABASE_URL": f"postgresql:///{words.pop('dbname')}?{urlencode(words)}",
            "REDIS_URL": f"unix://{self._redis_socket}",
            "VATSIM_STATUS_URL": f"{self._simulator_url}/status.json",
            "VATWATCH_WORKERS": str(self.wanted),
            "SERVICE_MAX_WORKERS": str(MOST_WORKERS),
            **area_settings(self.areas),
            "VATWATCH_AREAS_CHECK_HOURS": "1",
        }

    def _clock(self) -> dict[str, str]:
        """Nobody moves it here."""
        return {}

    def published(self) -> str | None:
        """The time of the update that the simulator shows; None if it does not answer."""
        with suppress(requests.RequestException):
            told = requests.get(f"{self._simulator_url}/control", timeout=5).json()
            return str(told["newest"]["update_timestamp"])
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
