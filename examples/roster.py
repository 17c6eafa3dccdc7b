"""Holds a roster against what was done: who was on the position that he was to staff, and how long.

    python roster.py roster.csv > done.csv

The roster is a CSV file with the columns callsign, cid, from and to; times are UTC, such as
2026-11-27T18:00:00Z. What comes out has these and: `state` (present, partly, absent, or planned for
what has not begun), `minutes` online within the time, and `others`, who was there, too or instead.
The service is at VATWATCH_URL. It needs nothing but Python.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

URL = os.environ.get("VATWATCH_URL", "http://127.0.0.1:8001")
# Sessions that began earlier than this before the first shift are found if they still last.
EARLIER = timedelta(hours=24)
# Somebody who is a few minutes late was there.
PRESENT = 0.8


def main() -> None:
    """Read the roster, and write what was done."""
    with Path(sys.argv[1]).open(newline="", encoding="utf-8-sig") as file:
        shifts = list(csv.DictReader(file))
    if not shifts:
        sys.exit("the roster is empty")
    begins = min(moment(shift["from"]) for shift in shifts)
    sessions = found(begins - EARLIER, max(moment(shift["to"]) for shift in shifts))
    columns = ["callsign", "cid", "from", "to", "state", "minutes", "others"]
    report = csv.DictWriter(sys.stdout, columns, lineterminator="\n", extrasaction="ignore")
    report.writeheader()
    for shift in shifts:
        report.writerow({**shift, **judged(shift, sessions)})


def judged(shift: dict[str, str], sessions: list[dict[str, Any]]) -> dict[str, Any]:
    """What became of one shift."""
    begins, ends = moment(shift["from"]), moment(shift["to"])
    minutes, others = 0.0, set()
    for one in sessions:
        there = min(ends, one["until"]) - max(begins, one["since"])
        if one["callsign"] != shift["callsign"] or there <= timedelta(0):
            continue
        if str(one["cid"]) == shift["cid"]:
            minutes += there.total_seconds() / 60
        else:
            others.add(str(one["cid"]))
    so_far = (min(ends, now()) - begins).total_seconds() / 60
    if so_far <= 0:
        state = "planned"
    elif minutes >= PRESENT * so_far:
        state = "present"
    else:
        state = "partly" if minutes else "absent"
    return {"state": state, "minutes": round(minutes), "others": " ".join(sorted(others))}


def found(since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Every session: by the events, and by who is online now."""
    sessions: dict[str, dict[str, Any]] = {}
    kinds = "CONTROLLER_LOGON,CONTROLLER_LOGOFF"
    for event in events(type=kinds, since=since.isoformat(), until=until.isoformat()):
        one = of(event["payload"], sessions)
        # The newest come first: a logoff that is followed by a reconnect is no end.
        one.setdefault("until", moment(event["time"]) if event["type"].endswith("OFF") else now())
    for station in get("/api/controllers", state="controlling")["controllers"]:
        of(station, sessions)["until"] = now()
    return list(sessions.values())


def of(who: dict[str, Any], sessions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The session of an event or of a station that is online.

    Events have the logon of a session's first connection, a station that of its present one: what
    the events said stays.
    """
    begins = moment(who["logon_time"])
    new = {"callsign": who["callsign"], "cid": who["cid"], "since": begins}
    return sessions.setdefault(who["session_id"], new)


def events(**query: str) -> Iterator[dict[str, Any]]:
    """Events, page by page, the newest first."""
    while True:
        page = get("/api/events", limit="1000", **query)
        yield from page["events"]
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def get(path: str, **query: str) -> Any:
    """An answer of the service."""
    request = Request(f"{URL}{path}?{urlencode(query)}", headers={"Accept": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def moment(text: str) -> datetime:
    """A time as the service and the roster write it; one without a zone is UTC."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
