"""Draws the picture of the README from what a running service answers.

python -m scripts.picture http://127.0.0.1:8001 docs/images/running.svg

The service should run on simulated traffic (`make demo`): pictures show invented people only.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import requests
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

# As wide as GitHub shows a page without making its letters too small to read.
WIDTH = 102
FLIGHTS, STATIONS, EVENTS = 7, 5, 6
COLOURS = {"healthy": "green", "running": "green", "degraded": "yellow", "unhealthy": "red"}
TOLD = "FLIGHT_CREATED,FLIGHT_UPDATED,FLIGHT_COMPLETED,CONTROLLER_LOGON,CONTROLLER_LOGOFF"
Answer = dict[str, Any]


def main(url: str, target: str) -> None:
    """Ask, draw, and write the drawing."""

    def get(path: str) -> Answer:
        answer = requests.get(url + path, timeout=10)
        answer.raise_for_status()
        body: Answer = answer.json()
        return body

    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(head(get("/api/status")))
    halves = Table.grid()
    halves.add_column(width=WIDTH // 2)
    halves.add_column(width=WIDTH - WIDTH // 2)
    halves.add_row(
        Panel(tree(get("/api/supervision/tree")), title="supervision tree · handled · median"),
        Group(
            Panel(flights(get("/api/flights")), title="flights"),
            Panel(stations(get("/api/controllers")), title="controllers"),
        ),
    )
    console.print(halves)
    console.print(Panel(events(get(f"/api/events?limit=1000&type={TOLD}")), title="events"))
    Path(target).write_text(svg(console, "vatwatch"))


def head(status: Answer) -> RenderableType:
    """The service's health, its live state, and its database."""
    counts, feed, database = status["counts"], status["feed"], status["database"]["store"]
    journal = status["journal"]
    state = status["status"]
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        Text(state.upper(), style=f"bold {COLOURS[state]}"),
        f"[b]{counts['pilots']}[/] pilots   [b]{counts['controllers']}[/] controllers   "
        f"[b]{counts['atis']}[/] ATIS   [b]{counts['prefiles']}[/] prefiles   "
        f"up {duration(status['uptime_s'])}",
    )
    grid.add_row("feed", f"{feed['age_s']:.0f} s old, {feed['last_outcome']}, {feed['source']}")
    grid.add_row(
        "database",
        f"PostgreSQL {database['server_version'].split()[0]} ({database['kind']}), "
        f"{database['stored']} snapshots stored, the last in {database['last_write_ms']:.0f} ms",
    )
    grid.add_row(
        "journal",
        f"{journal['pending']} waiting, {journal['archived']} archived, "
        f"{journal['bytes'] / 1e6:.1f} MB",
    )
    return Panel(grid, title=f"vatwatch {status['version']}")


def tree(node: Answer) -> RenderableType:
    """Every node with its figures."""
    top = Tree(_label(node), guide_style="dim")
    _branch(top, node)
    return top


def _branch(branch: Tree, node: Answer) -> None:
    for child in node["children"]:
        _branch(branch.add(_label(child)), child)


def _label(node: Answer) -> Text:
    label = Text("● ", style=COLOURS.get(node["state"], "yellow"))
    if node["kind"] == "supervisor":
        label.append(node["name"], style="bold")
        label.append(f"  {node['strategy']}", style="dim")
        return label
    label.append(f"{node['name']:<17}", style="default")
    label.append(f"{node['handled']:>7}", style="default")
    if node["latency"] is not None:
        label.append(f" {node['latency']['p50_s'] * 1000:>8.1f} ms", style="dim")
    return label


def flights(live: Answer) -> RenderableType:
    """Some that fly, with a plan."""
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    for name in ("callsign", "type", "from", "to"):
        table.add_column(name)
    for name in ("feet", "knots"):
        table.add_column(name, justify="right")
    flying = [f for f in live["flights"] if f["groundspeed"] > 50 and f["flight_plan"]]
    for f in flying[:: max(1, len(flying) // FLIGHTS)][:FLIGHTS]:
        plan = f["flight_plan"]
        table.add_row(
            f["callsign"], plan["aircraft_short"], plan["departure"], plan["arrival"],
            f"{f['altitude']:,}", str(f["groundspeed"]),
        )  # fmt: skip
    return table


def stations(live: Answer) -> RenderableType:
    """Some that control."""
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    for name in ("callsign", "MHz", "since"):
        table.add_column(name)
    for c in [c for c in live["controllers"] if c["facility"]][:STATIONS]:
        table.add_row(c["callsign"], c["frequency"], f"{c['logon_time'][11:16]} UTC")
    return table


def events(ring: Answer) -> RenderableType:
    """The latest events of the network, at most two of a type."""
    table = Table(box=None, padding=(0, 1), show_header=False)
    seen: dict[str, int] = {}
    for event in ring["events"]:
        kind, payload = event["type"], event["payload"]
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] > 2 or table.row_count == EVENTS:
            continue
        time = datetime.fromisoformat(event["time"])
        way = f"{payload['departure']} to {payload['arrival']}" if payload.get("departure") else ""
        table.add_row(f"{time:%H:%M:%S}", f"[cyan]{kind}[/]", payload["callsign"], way)
    return table


def duration(seconds: float) -> str:
    """`2 h 05 min`."""
    minutes = int(seconds) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def svg(console: Console, title: str) -> str:
    """Without the fonts that rich would have fetched: GitHub shows no image that fetches."""
    drawing = console.export_svg(title=title, unique_id="vatwatch")
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)
    drawing = drawing.replace("Fira Code", "Menlo, Consolas, DejaVu Sans Mono")
    return "\n".join(line.rstrip() for line in drawing.splitlines()) + "\n"


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2])
