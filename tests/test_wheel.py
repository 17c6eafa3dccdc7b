"""The built wheel in an environment that has nothing else than what the wheel asks for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.actors.harness import until
from tests.feed_server import FeedServer
from tests.process import Process, started

ROOT = Path(__file__).parents[1]
# What the image is made of, too (Dockerfile).
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "setup.py", "vatwatch", "vatsim_simulator")
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves directories beside the sources."""
    sources = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, sources)
    made = tmp_path_factory.mktemp("dist")
    build = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(made), "."]
    subprocess.run([*PIP, *build], cwd=sources, check=True)
    (file,) = made.glob("*.whl")
    return file


def empty_environment(place: Path, wheel: Path) -> Path:
    """With the wheel alone."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    install = ["--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*PIP, *install], check=True)
    return place


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the wheel, and what its metadata asks for: as pip would install it, without a network.

    The packages are those of the tests' own environment, linked; no other one is there.
    """
    place = empty_environment(tmp_path_factory.mktemp("environment"), wheel)
    python = place / "bin" / "python"
    (packages,) = place.glob("lib/python*/site-packages")
    for one in required_by(metadata_of(wheel)):
        link(one, packages)
    subprocess.run([*PIP, "--python", str(python), "check"], check=True)
    return place


@pytest.fixture(scope="module")
def environment_of_a_client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the wheel and httpx, and nothing that the service needs."""
    place = empty_environment(tmp_path_factory.mktemp("client"), wheel)
    (packages,) = place.glob("lib/python*/site-packages")
    extra = frozenset({"client"})
    wanted = [one for one in metadata_of(wheel) if Requirement(one).marker is not None]
    for one in required_by(wanted, extra):
        link(one, packages)
    return place


def metadata_of(wheel: Path) -> list[str]:
    """Its requirements."""
    with ZipFile(wheel) as file:
        (name,) = [one for one in file.namelist() if one.endswith(".dist-info/METADATA")]
        lines = file.read(name).decode().splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]


def required_by(
    requirements: list[str], extras: frozenset[str] = frozenset()
) -> list[Distribution]:
    """All packages that these requirements lead to."""
    found: dict[str, Distribution] = {}
    todo = [(text, extras) for text in requirements]
    while todo:
        text, wanted = todo.pop()
        requirement = Requirement(text)
        chosen = wanted or {""}
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in chosen
        ):
            continue
        one = distribution(requirement.name)
        key = f"{one.name}{sorted(requirement.extras)}"
        if key not in found:
            found[key] = one
            todo += [(more, frozenset(requirement.extras)) for more in one.requires or ()]
    return [*found.values()]


def link(package: Distribution, into: Path) -> None:
    """Its files and folders; programs are not needed."""
    for name in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
        if not (into / name).exists():
            (into / name).symlink_to(Path(str(package.locate_file(name))).resolve())


@pytest.fixture(scope="module")
def service(environment: Path, shared_home: Path) -> Iterator[Process]:
    program = str(environment / "bin" / "vatwatch")
    with (
        FeedServer() as feeds,
        started(
            shared_home,
            shared_home.parent / "log",
            program=(program, "run"),
            VATSIM_API_URL=feeds.url,
        ) as process,
    ):
        process.until_ready()
        until(lambda: process.get("/api/status")[1]["counts"]["snapshots_stored"] >= 1)
        yield process


def run(environment: Path, directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(environment / "bin" / words[0]), *words[1:]],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=110,
    )


def test_the_wheel_has_the_two_packages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        tops = {name.partition("/")[0] for name in file.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {
        "vatwatch",
        "vatsim_simulator",
    }


def test_what_runs_is_the_wheel(environment: Path, tmp_path: Path) -> None:
    said = run(environment, tmp_path, "python", "-c", "import vatwatch; print(vatwatch.__file__)")
    assert Path(said.stdout.strip()).is_relative_to(environment)
    # Nothing of the tools for development is there.
    assert run(environment, tmp_path, "python", "-c", "import pytest").returncode != 0


def test_it_collects_stores_and_serves(service: Process) -> None:
    code, status = service.get("/api/status")
    assert code == 200
    assert status["counts"]["pilots"] > 0
    assert status["database"]["store"]["kind"] == "embedded"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/docs", "text/html"), ("/openapi.json", "application/json")],
)
def test_it_serves_its_pages_with_all_that_they_load(
    path: str, kind: str, service: Process
) -> None:
    answer = fetch(service.base + path)
    assert answer.headers["Content-Type"].startswith(kind)
    for link in re.findall(r"""(?:src|href)=["'](/[^"']+)["']""", answer.content.decode()):
        assert fetch(service.base + link).content, link


@dataclass(frozen=True, slots=True)
class Fetched:
    headers: Message
    content: bytes


def fetch(url: str) -> Fetched:
    """Raises HTTPError for any other status than 200."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return Fetched(answer.headers, answer.read())


@pytest.mark.parametrize(
    "words",
    [("--version",), ("check", "--offline"), ("completion", "bash"), ("replay", "--help"),
     ("verify", "--pilots", "1", "--hours", "0.02", "--json")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_its_commands_run(words: tuple[str, ...], environment: Path, tmp_path: Path) -> None:
    done = run(environment, tmp_path, "vatwatch", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_its_doctor_and_its_status_see_the_service(
    service: Process, environment: Path, tmp_path: Path
) -> None:
    status = run(environment, tmp_path, "vatwatch", "status", "--url", service.base, "--json")
    assert status.returncode in (0, 1), status.stdout
    doctor = run(environment, tmp_path, "vatwatch", "doctor", "--port", str(service.port))
    assert f"process {service.popen.pid}" in doctor.stdout


CLIENT = """\
import asyncio, sys
from vatwatch.client import AsyncClient, Client

async def ask_later():
    async with AsyncClient() as vatwatch:
        return await vatwatch.network()

with Client() as vatwatch:
    first = next(vatwatch.stream(channels="positions"))
    assert vatwatch.network() == asyncio.run(ask_later())
print(first.kind, len(first.data["flights"]))
print(*sorted({name.partition(".")[0] for name in sys.modules} - {*sys.stdlib_module_names}))
"""
# What comes with httpx, and what Python's own tools leave in an environment.
WITH_HTTPX = {
    "anyio",
    "certifi",
    "h11",
    "httpcore",
    "httpx",
    "idna",
    "typing_extensions",
    "vatwatch",
}


def test_the_client_needs_httpx_and_nothing_of_the_service(
    service: Process, environment_of_a_client: Path, tmp_path: Path
) -> None:
    assert run(environment_of_a_client, tmp_path, "python", "-c", "import falcon").returncode != 0
    done = subprocess.run(
        [str(environment_of_a_client / "bin" / "python"), "-W", "error", "-c", CLIENT],
        cwd=tmp_path,
        env={"VATWATCH_URL": service.base},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    kind, loaded = done.stdout.splitlines()
    assert re.fullmatch(r"snapshot [1-9]\d*", kind)
    assert {name for name in loaded.split() if not name.startswith("_")} <= WITH_HTTPX
