"""The recipes of the guide, run as they are pasted, against a service with simulated traffic."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gevent
import pytest

from tests.actors.harness import until
from tests.actors.receiver import Receiver
from tests.feed_server import FeedServer
from tests.process import Process, started
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, write_areas

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
# Has pages for a browser, which tests/browser/test_guide.py opens.
FOR_A_BROWSER = PAGES[0].parent / "browser.md"
# The two values that a reader has of his own.
ADDRESS, KEY = "http://127.0.0.1:8001", "a-key-of-your-own"
DISCORD = "https://discord.com"
PATIENCE_S = 110


@dataclass(frozen=True, slots=True)
class Recipe:
    """One block of commands, with those at the beginning of its page, and the answer shown."""

    page: Path
    heading: str
    first: str
    commands: str
    answer: Any

    @property
    def fails(self) -> bool:
        """Whether it shows an error: `curl -f` would end there."""
        return "curl -s " in self.commands


def recipes() -> Iterator[Recipe]:
    for page in PAGES:
        first = ""
        for part in re.split(r"^## ", page.read_text(), flags=re.MULTILINE):
            blocks = re.findall(r"^```(\w+)\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
            heading = part.partition("\n")[0]
            answer = next((json.loads(text) for kind, text in blocks if kind == "json"), None)
            for kind, text in blocks:
                if kind == "sh" and first:
                    yield Recipe(page, heading, first, text, answer)
                first = first or (text if kind == "sh" else "")


@dataclass(frozen=True, slots=True)
class Program:
    """A block of Python, which is a whole program."""

    page: Path
    heading: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.heading} {self.number}"

    @property
    def ends(self) -> bool:
        """Whether it ends by itself: who follows the stream does so only by leaving it."""
        return ".stream(" not in self.text or "break" in self.text


def programs() -> Iterator[Program]:
    for page in (ROOT / "README.md", *PAGES):
        for part in re.split(r"^## ", page.read_text(), flags=re.MULTILINE):
            blocks = re.findall(r"^```python\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
            for number, text in enumerate(blocks, start=1):
                yield Program(page, part.partition("\n")[0], number, text)


@pytest.fixture(scope="module")
def feeds() -> Iterator[FeedServer]:
    # Lately: recipes ask for what has happened since yesterday.
    with FeedServer(pilots=200, start=datetime.now(UTC) - timedelta(hours=12)) as feeds:
        yield feeds


@pytest.fixture(scope="module")
def service(
    shared_home: Path, feeds: FeedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    areas = tmp_path_factory.mktemp("areas")
    write_areas(areas)
    with (
        started(
            shared_home,
            shared_home.parent / "log",
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL="0.2",
            VATWATCH_API_KEYS=KEY,
            VATWATCH_SUBSCRIPTION_NETWORKS="127.0.0.0/8",
            VATWATCH_POSITIONS_DATA=",".join(str(areas / name) for name in POSITIONS_DATA),
            VATWATCH_SECTORS=",".join(str(areas / name) for name in SECTORS),
        ) as process,
    ):
        process.until_ready()
        # Two snapshots, so that a track has more than one point.
        feeds.advance()
        until(lambda: process.get("/api/status")[1]["counts"]["snapshots_stored"] >= 2)
        yield process


def documents(text: str) -> Iterator[Any]:
    """The JSON documents that a block's commands have printed, one after the other."""
    decoder = json.JSONDecoder()
    rest = text.lstrip()
    while rest.startswith(("{", "[")):
        found, end = decoder.raw_decode(rest)
        yield found
        rest = rest[end:].lstrip()


def assert_has(given: Any, shown: Any, where: str = "") -> None:
    """What is shown has no other fields than what is given. Values are those of the moment."""
    if isinstance(shown, dict):
        assert isinstance(given, dict), where
        assert shown.keys() <= given.keys(), where
        for name, value in shown.items():
            assert_has(given[name], value, f"{where}.{name}")
    elif isinstance(shown, list) and any(isinstance(one, dict) for one in shown):
        assert isinstance(given, list), where
        assert given, f"{where} is empty"
        assert_has(given[0], shown[0], f"{where}[0]")


@pytest.mark.parametrize("recipe", list(recipes()), ids=lambda r: f"{r.page.stem}: {r.heading}")
def test_a_recipe_works_as_it_is_pasted(recipe: Recipe, service: Process, tmp_path: Path) -> None:
    script = f"{recipe.first}{recipe.commands}"
    assert ADDRESS in script
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script.replace(ADDRESS, service.base)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = [*documents(done.stdout)]
    assert found or "-w" in recipe.commands
    for one in found:
        # An answer that has nothing in it would be no recipe.
        assert all(one.get(name) != [] for name in ("flights", "controllers", "track", "airports"))
        assert ("status" in one and one["status"] == 400) == recipe.fails
    if recipe.answer is not None:
        assert_has(found[0], recipe.answer)
    if "--etag-compare" in recipe.commands:
        assert done.stdout == "304\n"
        assert json.loads((tmp_path / "flights.json").read_text())["flights"]


@contextmanager
def time_going_on(feeds: FeedServer) -> Iterator[None]:
    """The network goes on, a minute in half a second."""

    def advance() -> None:
        while True:
            feeds.advance(4)
            gevent.sleep(0.5)

    going = gevent.spawn(advance)
    try:
        yield
    finally:
        going.kill()


@pytest.mark.parametrize("program", list(programs()), ids=str)
def test_a_program_works_as_it_is_pasted(
    program: Program, service: Process, feeds: FeedServer, tmp_path: Path
) -> None:
    assert ADDRESS in program.text
    with Receiver() as discord, time_going_on(feeds):
        text = program.text.replace(ADDRESS, service.base)
        with running(tmp_path, text.replace(DISCORD, discord.url(""))) as process:
            if program.ends:
                said, complained = process.communicate(timeout=PATIENCE_S)
                assert (process.returncode, complained) == (0, "")
                assert said
            elif DISCORD not in program.text:
                first = process.stdout.readline()
                assert process.stdout.readline() != first
            if DISCORD in program.text:
                (post, *_) = until_long(lambda: discord.received)
                assert post.path.startswith("/api/webhooks/ID/TOKEN")
                assert json.loads(post.body)["allowed_mentions"]["parse"] == []


def until_long(condition: Callable[[], Any]) -> Any:
    """As `until`, for what the network does only now and then."""
    for _ in range(int(PATIENCE_S)):
        if found := condition():
            return found
        gevent.sleep(1)
    raise AssertionError("it never happened")


def program_of(page: str) -> str:
    (program,) = [one.text for one in programs() if one.page.stem == page]
    return program


def output_of(text: str, service: Process, folder: Path) -> str:
    with running(folder, text.replace(ADDRESS, service.base)) as process:
        said, complained = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, complained) == (0, "")
    return str(said)


def test_the_check_of_a_virtual_airline_tells_what_was_flown(
    service: Process, feeds: FeedServer, tmp_path: Path
) -> None:
    def arrived() -> Any:
        departed = service.get("/api/events?type=FLIGHT_DEPARTED&limit=1000")[1]["events"]
        left = {event["payload"]["flight_id"]: event["payload"] for event in departed}
        for event in service.get("/api/events?type=FLIGHT_ARRIVED&limit=1000")[1]["events"]:
            if event["payload"]["flight_id"] in left:
                return left[event["payload"]["flight_id"]], event["payload"]
        return None

    with time_going_on(feeds):
        left, landed = until_long(arrived)
    report = {
        "cid": left["cid"],
        "callsign": left["callsign"],
        "departure": left["airport"],
        "arrival": landed["airport"],
    }
    text = program_of("virtual-airline")
    given = re.search(r"^REPORT = .*$", text, re.MULTILINE)
    assert given is not None
    for arrival, verdict in ((landed["airport"], "flown in "), ("ZZZZ", "flown from ")):
        asked = f"REPORT = {report | {'arrival': arrival}}"
        said = json.loads(output_of(text.replace(given[0], asked), service, tmp_path))
        assert said["verdict"].startswith(verdict)
        assert said["seen"][0]["contacts"]["airborne_s"] > 0


def test_the_activity_report_has_whoever_controlled(service: Process, tmp_path: Path) -> None:
    text = program_of("activity-report")
    everybody = text.replace('OURS = ("ED", "ET")', 'OURS = ("",)')
    assert everybody != text
    rows = list(csv.DictReader(io.StringIO(output_of(everybody, service, tmp_path))))
    assert sum(float(row["hours"]) for row in rows) > 0
    assert sum(int(row["flights"]) for row in rows) > 0
    assert {row["callsign"].rpartition("_")[2] for row in rows} <= {
        "DEL", "GND", "TWR", "APP", "DEP", "CTR", "FSS"
    }  # fmt: skip


def test_the_addresses_for_a_spreadsheet_have_the_columns_that_are_shown(service: Process) -> None:
    page = (ROOT / "docs" / "guide" / "spreadsheet.md").read_text()
    rows = re.findall(r"^\| [^|]+ \| `(http[^`]+)` \| `([^`]+)` \|$", page, re.MULTILINE)
    assert len(rows) == 9
    for address, columns in rows:
        with urllib.request.urlopen(address.replace(ADDRESS, service.base), timeout=60) as answer:
            assert answer.headers["Content-Type"].startswith("text/csv")
            table = csv.DictReader(io.StringIO(answer.read().decode(), newline=""))
            assert ",".join(table.fieldnames or ()) == columns, address
            found = len(list(table))
            limit = int((re.findall(r"limit=(\d+)", address) or ["100000"])[0])
            assert found == min(limit, int(answer.headers["X-Total-Count"] or found)), address
            assert found or not re.search("/api/(airports|firs|sectors)", address), address
    # Shown with another address, and in the words of Power Query.
    (formula,) = re.findall(r'=IMPORTDATA[(]"https://[^/]+([^"]+)"[)]', page)
    path = re.search(r'RelativePath = "([^"]+)"', page)
    query = re.findall(r'(\w+) = "([^"]+)"', page.partition("Query = [")[2].partition("]")[0])
    assert path is not None
    for known in (formula, f"{path[1]}?{'&'.join(f'{name}={value}' for name, value in query)}"):
        assert f"{ADDRESS}{known}" in [address for address, _ in rows]


@contextmanager
def running(folder: Path, text: str) -> Iterator[Any]:
    """A program that somebody has pasted; it is ended if it does not end."""
    file = folder / "pasted.py"
    file.write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", str(file)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_every_page_of_the_guide_has_recipes_that_are_run_and_is_in_its_index() -> None:
    index = PAGES[0].parent / "README.md"
    run = {recipe.page for recipe in recipes()} | {program.page for program in programs()}
    run.add(ROOT / "docs" / "guide" / "spreadsheet.md")  # by its own test
    assert run == {*PAGES, ROOT / "README.md"} - {index, FOR_A_BROWSER}
    for page in PAGES:
        assert page == index or f"({page.name})" in index.read_text()
