"""Settings of the log, changed while the service runs: in the worker, and in the main process."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.actors.harness import as_url, until
from tests.actors.test_snapshot import NOWHERE
from tests.feed_server import FeedServer
from tests.process import Process, started
from tests.reload.effects import takes_effect

MASTER = "vatwatch.server.master"


class Service:
    """A process with its settings in a vatwatch.toml."""

    def __init__(self, process: Process, toml: Path) -> None:
        self.process, self.toml, self.home = process, toml, process.home

    def change(self, **settings: object) -> None:
        write(self.toml, settings)
        self.process.popen.send_signal(signal.SIGHUP)

    def application(self) -> list[str]:
        return (self.home / "application.log").read_text().splitlines()

    def master_says(self) -> Callable[[], list[str]]:
        """Let the main process say something, and find what it has said since now."""
        before = sum(MASTER in line for line in self.application())

        def said() -> list[str]:
            self.process.popen.send_signal(signal.SIGUSR1)
            return [line for line in self.application() if MASTER in line][before:]

        return said


def write(toml: Path, settings: dict[str, object]) -> None:
    toml.write_text("".join(f"{name.lower()} = {json.dumps(v)}\n" for name, v in settings.items()))


@contextmanager
def serving(tmp_path: Path, **settings: object) -> Iterator[Service]:
    toml = tmp_path / "vatwatch.toml"
    write(toml, settings)
    with (
        FeedServer(pilots=5) as feeds,
        started(
            tmp_path / "home",
            tmp_path / "log",
            VATSIM_API_URL=feeds.url,
            VATSIM_POLL_INTERVAL=1,
            DATABASE_URL=as_url(NOWHERE),
            VATWATCH_CONFIG_INTERVAL=3600,
        ) as process,
    ):
        until(lambda: process.get("/healthz")[0] == 200, "it answers")
        yield Service(process, toml)


@takes_effect("VATWATCH_LOG_FORMAT", "VATWATCH_LOG_LEVEL")
def test_the_lines_of_worker_and_main_process_are_of_the_form_and_level_that_are_set_now(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as service:
        said = service.master_says()
        until(said, "the main process speaks")
        assert "INFO" in said()[0]
        service.change(VATWATCH_LOG_FORMAT="json")
        until(lambda: service.application()[-1].startswith("{"), "the worker's lines")
        said = service.master_says()
        until(lambda: any(line.startswith("{") for line in said()), "the main process's lines")
        assert json.loads(said()[-1])["logger"] == MASTER
        # Of what is below the level nothing is said, and at an error the form of now is used.
        service.change(VATWATCH_LOG_FORMAT="json", VATWATCH_LOG_LEVEL="error")
        until(lambda: service.process.get("/api/config")[1]["version"] == 2, "the level")
        worker = service.process.worker()
        worker.kill()
        until(lambda: any("was killed" in line for line in service.application()), "the error")
        (error,) = (line for line in service.application() if "was killed" in line)
        assert json.loads(error)["logger"] == MASTER
        quiet = service.master_says()
        for _ in range(20):
            quiet()
        until(lambda: service.process.get("/healthz")[0] == 200, "another worker")
        assert quiet() == []
        service.change(VATWATCH_LOG_FORMAT="console")
        until(lambda: any(" INFO " in line for line in quiet()), "it speaks again")


@takes_effect("VATWATCH_LOG_FILES", "VATWATCH_ACCESS_LOG")
def test_files_are_written_once_they_are_wanted(tmp_path: Path) -> None:
    off = {"VATWATCH_LOG_FILES": False, "VATWATCH_ACCESS_LOG": False}
    with serving(tmp_path, **off) as service:
        assert not list(service.home.glob("a*.log"))
        service.change(VATWATCH_LOG_FILES=True, VATWATCH_ACCESS_LOG=False)
        until(lambda: (service.home / "application.log").exists(), "the log")
        assert not (service.home / "access.log").exists()
        service.change()

        def asked() -> bool:
            service.process.get("/healthz")
            return (service.home / "access.log").exists()

        until(asked, "the access log")
        service.change(**off)
        until(lambda: service.process.get("/api/config")[1]["version"] == 3, "it is read")
        size = (service.home / "access.log").stat().st_size
        service.process.get("/healthz")
        assert (service.home / "access.log").stat().st_size == size


@takes_effect("VATWATCH_LOG_MAX_MB", "VATWATCH_LOG_FILES_KEPT")
def test_files_are_as_large_and_as_many_as_is_set_now(tmp_path: Path) -> None:
    def older(service: Service) -> int:
        for _ in range(20):
            service.process.get("/healthz")
        return len(list(service.home.glob("access.log.*")))

    with serving(tmp_path, VATWATCH_LOG_FILES_KEPT=1) as service:
        assert older(service) == 0
        service.change(VATWATCH_LOG_MAX_MB=0.002, VATWATCH_LOG_FILES_KEPT=1)
        until(lambda: older(service) == 1, "it is rotated")
        service.change(VATWATCH_LOG_MAX_MB=0.002, VATWATCH_LOG_FILES_KEPT=3)
        until(lambda: older(service) == 3, "three are kept")


def test_dangerous_settings_are_warned_about_and_worthless_keys_refused(tmp_path: Path) -> None:
    with serving(tmp_path, VATWATCH_API_KEYS="s3cret") as service:
        assert "VATWATCH_API_KEYS: number 1 can be guessed" in service.process.said()
        service.change(VATWATCH_API_KEYS="s3cret", VATWATCH_TRUSTED_PROXIES="0.0.0.0/0")
        until(lambda: "VATWATCH_TRUSTED_PROXIES=0.0.0.0/0" in service.process.said(), "the warning")
        service.change(VATWATCH_API_KEYS="x")
        until(lambda: service.process.get("/api/config")[1]["faults"], "it is refused")
        (fault,) = service.process.get("/api/config")[1]["faults"]
        assert "number 1 is too easy to guess" in fault
        assert service.process.said().count("number 1 can be guessed") == 1
        assert "s3cret" not in service.process.said()
