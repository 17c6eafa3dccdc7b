"""`vatwatch top`: shows the supervision tree of a running service live in the terminal.

It uses only the HTTP API, so it works from any machine that reaches the service.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import quote

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vatwatch.cli.nodes_view import node_troubles, nodes_fact
from vatwatch.cli.service_client import ServiceClient
from vatwatch.cli.spans import span
from vatwatch.cluster.node import ClusterNode
from vatwatch.counting import counted
from vatwatch.errors import FetchError, FetchStatus

# Wide enough for every column and a failure's text.
PIPE_COLUMNS = 240
SORTS = ("tree", "restarts", "mailbox", "handled", "p99")
STATE_COLOURS = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "stopping": "yellow",
    "suspended": "bold red",
    "failed": "bold red",
    "stopped": "dim",
    "standby": "dim",
}
BREAKER_COLOURS = {"closed": "green", "half_open": "yellow", "open": "bold red"}
HEALTH_COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "bold red"}
# Escape sequences of the arrow keys, as xterm and similar terminals send them.
KEYS = {b"\x1b[A": "up", b"\x1b[B": "down", b"k": "up", b"j": "down", b"\x03": "q"}

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of the service's answers; `status` is None if it gave none."""

    at: float
    tree: Node
    status: dict[str, Any] | None
    phases: dict[str, int]
    """How many flights are in each phase; empty while nothing is known of any."""


def take_sample(client: ServiceClient, node: str) -> Sample:
    """The tree of this node (empty: of who answers), and its status if there is one. Raises
    FetchError."""
    tree = client.get(_at("/api/supervision/tree", node))
    try:
        status = client.get(_at("/api/status", node))
    except FetchStatus:
        status = None
    try:
        phases = client.get("/api/network").get("phases", {})
    except FetchStatus:
        phases = {}
    return Sample(monotonic(), tree, status, phases)


def _at(path: str, node: str) -> str:
    return f"{path}?node={quote(node, safe='')}" if node else path


def restart(client: ServiceClient, path: str, node: str) -> str:
    """Order a restart. Returns the result in a line."""
    try:
        client.post(_at(f"/api/supervision/{path}/restart", node))
    except FetchError as error:
        return str(error)
    return f"{path} is being restarted"


@dataclass(slots=True)
class TreeView:
    """The choices of the person at the terminal."""

    node: str = ""
    """Whose tree it is, of several nodes; empty: of who answers."""
    sort: str = SORTS[0]
    selected: str = ""
    asks: str = ""
    """The path whose restart must be confirmed."""
    message: str = ""
    previous: dict[str, int] = field(default_factory=dict)
    """Messages handled by each node at the previous sample."""
    previous_at: float = 0.0


def run(url: str, *, interval_s: float, once: bool, key: str | None, node: str) -> None:
    """Show the tree until somebody presses q. Raises FetchError at the first sample only."""
    client, console, view = ServiceClient(url, key), Console(), TreeView(node)
    sample = take_sample(client, node)
    if once or not (sys.stdin.isatty() and console.is_terminal):
        # Lines into a pipe or a file are not cut, since there is no screen.
        width = None if console.is_terminal else PIPE_COLUMNS
        Console(width=width).print(render(sample, view, url), soft_wrap=False)
        return
    with (
        _single_keys(),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(render(sample, view, url, console), refresh=True)
            keys = _read_keys(interval_s)
            for key_pressed in keys:
                if key_pressed == "q":
                    return
                press(key_pressed, sample, view, client)
            if keys:
                continue
            view.previous = {n["path"]: n["handled"] for _, n in _walk(sample.tree)}
            view.previous_at = sample.at
            try:
                sample = take_sample(client, node)
                view.message = "" if view.message.startswith("no service") else view.message
            except FetchError as error:
                view.message = str(error)


def press(key: str, sample: Sample, view: TreeView, client: ServiceClient) -> None:
    """Act on a key."""
    if view.asks:
        path, view.asks = view.asks, ""
        view.message = restart(client, path, view.node) if key == "y" else ""
        return
    paths = [node["path"] for _, node in _rows(sample, view)]
    here = paths.index(view.selected) if view.selected in paths else -1
    match key:
        case "s":
            view.sort = SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)]
        case "up":
            view.selected = paths[max(0, here - 1)]
        case "down":
            view.selected = paths[min(len(paths) - 1, here + 1)]
        case "r" if view.selected:
            view.asks = view.selected
        case "r":
            view.message = "choose a node with the arrow keys first"


def render(sample: Sample, view: TreeView, url: str, screen: Console | None = None) -> Group:
    """All nodes; on a `screen` that is too low for them, those around the chosen one."""
    head, foot, rows, hidden = _head(sample, url), _foot(view), _rows(sample, view), Text()
    if screen is not None:
        # Beside them stand two empty lines and the names of the columns.
        beside = 3 + sum(len(one.wrap(screen, screen.width)) for one in (head, foot))
        above, below = _hidden(rows, view.selected, screen.height - beside)
        rows = rows[above : len(rows) - below]
        if above or below:
            hidden = Text(f"{above} above, {below} below", style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("node", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("breaker", no_wrap=True)
    for name in ("up", "restarts", "mailbox", "handled", "/s", "p50", "p99", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("last failure", ratio=1, no_wrap=True)
    for depth, node in rows:
        style = "reverse" if node["path"] == view.selected else ""
        table.add_row(*_cells(depth, node, sample, view), style=style)
    return Group(head, Text(), table, hidden, foot)


def _hidden(rows: list[tuple[int, Node]], chosen: str, room: int) -> tuple[int, int]:
    """How many rows do not fit above and below, with the chosen one in the middle."""
    spare = len(rows) - max(1, room)
    if spare <= 0:
        return 0, 0
    at = next((i for i, (_, node) in enumerate(rows) if node["path"] == chosen), 0)
    above = min(max(0, at - max(1, room) // 2), spare)
    return above, spare - above


def _head(sample: Sample, url: str) -> Text:
    head = Text("vatwatch ", style="bold")
    status = sample.status
    if status is None:
        return head.append(f"{url} is starting, or its health monitor is away")
    head.append(status["version"] + "  ")
    head.append(status["status"], style=HEALTH_COLOURS.get(status["status"], ""))
    head.append(f"  up {span(status['uptime_s'])}")
    age = status["feed"]["age_s"]
    head.append("  feed " + ("none yet" if age is None else f"{span(age)} old"))
    counts = status["counts"]
    online = (counted(counts[f"{one}s"], one) for one in ("pilot", "controller"))
    head.append("  " + ", ".join(online))
    head.append(f", {counted(counts['snapshots_stored'], 'snapshot')} stored")
    told = [f"{number} {phase.replace('_', ' ')}" for phase, number in sample.phases.items()]
    if told:
        head.append("\nflights: " + ", ".join(told))
    if status["reason"]:
        head.append("\n" + status["reason"], style="yellow")
    nodes = msgspec.convert(status["nodes"], list[ClusterNode])
    for name, text in nodes_fact(nodes):
        head.append(f"\n{name}: {text}")
    for trouble in node_troubles(nodes, datetime.now(UTC)):
        head.append("\n" + trouble, style="yellow")
    return head


def _foot(view: TreeView) -> Text:
    if view.asks:
        return Text(f"restart {view.asks}, and what goes with it? y/n", style="bold yellow")
    keys = f"↑↓ choose   r restart   s sort (by {view.sort})   q quit"
    foot = Text(keys, style="dim")
    return foot if not view.message else Text(view.message + "\n", style="yellow").append(foot)


def _rows(sample: Sample, view: TreeView) -> list[tuple[int, Node]]:
    rows = list(_walk(sample.tree))
    if view.sort == "tree":
        return rows
    workers = [(0, node) for _, node in rows if node["kind"] == "worker"]
    return sorted(workers, key=lambda row: _measure(row[1], view.sort), reverse=True)


def _walk(node: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    yield depth, node
    for child in node["children"]:
        yield from _walk(child, depth + 1)


def _measure(node: Node, sort: str) -> float:
    match sort:
        case "restarts":
            return float(node["restarts_total"])
        case "mailbox":
            return float(node["mailbox"]["depth"])
        case "handled":
            return float(node["handled"])
        case _:
            return float(node["latency"]["p99_s"]) if node["latency"] else 0.0


def _cells(depth: int, node: Node, sample: Sample, view: TreeView) -> list[Text | str]:
    name = "  " * depth + node["name"]
    state = Text(node["state"], style=STATE_COLOURS.get(node["state"], ""))
    if node["state"] == "restarting" and node["retry_in_s"]:
        state.append(f" {span(node['retry_in_s'])}")
    breaker = node["breaker"]
    shown = Text("")
    if breaker is not None:
        shown = Text(breaker["state"], style=BREAKER_COLOURS.get(breaker["state"], ""))
        if breaker["state"] == "open":
            shown.append(f" {span(breaker['retry_in_s'])}")
    restarts = f"{node['restarts_total']}"
    if node["restarts_in_window"]:
        restarts += f" ({node['restarts_in_window']})"
    failure = node["last_failure"]
    failed = "" if failure is None else f"{failure['error_type']}: {failure['error_text']}"
    up = span(node["uptime_s"]) if node["uptime_s"] else ""
    if node["kind"] == "supervisor":
        kind = Text(f"{name} ", style="bold").append(f"({node['strategy']})", style="dim")
        return [kind, state, shown, up, restarts, "", "", "", "", "", "", failed]
    mailbox, latency = node["mailbox"], node["latency"]
    depth_text = Text(f"{mailbox['depth']}/{mailbox['high_water']}")
    if 2 * mailbox["depth"] > mailbox["capacity"]:
        depth_text.stylize("bold red")
    times = ["", "", ""]
    if latency is not None:
        times = [_time(latency[key]) for key in ("p50_s", "p99_s", "max_s")]
    counts = [f"{node['handled']:,}", _rate(node, sample, view)]
    return [name, state, shown, up, restarts, depth_text, *counts, *times, failed]


def _rate(node: Node, sample: Sample, view: TreeView) -> str:
    """Messages a second since the previous sample."""
    passed_s = sample.at - view.previous_at
    if node["path"] not in view.previous or passed_s <= 0:
        return ""
    handled = node["handled"] - view.previous[node["path"]]
    return f"{handled / passed_s:.1f}" if handled >= 0 else ""


def _time(seconds: float) -> str:
    """`850µs`, `12ms`, `1.5s`."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}µs"
    return f"{seconds * 1e3:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


@contextmanager
def _single_keys() -> Iterator[None]:
    """Read keys as they are pressed, without showing them."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _read_keys(timeout_s: float) -> list[str]:
    """The pressed keys, as soon as there are any; empty when the time is up."""
    terminal = sys.stdin.fileno()
    ready, _, _ = select.select([terminal], [], [], timeout_s)
    if not ready:
        return []
    pressed = os.read(terminal, 64)
    # Empty: the other side has hung up.
    found = re.findall(rb"\x1b\[.|.", pressed, re.DOTALL) or [b"q"]
    return [KEYS.get(key) or key.decode(errors="replace") for key in found]
