"""The settings of the log are put into force, as often as they change."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vatwatch.config.logs import LogSettings
from vatwatch.logs import apply_log_settings, keep_log_files, log_to_standard_error, setup
from vatwatch.logs.files import files
from vatwatch.logs.levels import parse_levels
from vatwatch.logs.writer import writer

PART = "vatwatch.supervision.decision"


def settings(**values: Any) -> LogSettings:
    return LogSettings.model_validate({f"VATWATCH_{name}": value for name, value in values.items()})


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the log of the tests as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(setup, "_log", setup._Log())
    yield
    log_to_standard_error("info")
    root.handlers[:] = handlers
    root.setLevel(level)


def text_of(path: Path) -> str:
    writer.flush()
    return path.read_text() if path.exists() else ""


def test_the_log_and_its_errors_alone_are_kept_in_files(tmp_path: Path) -> None:
    keep_log_files(tmp_path, settings())
    log = logging.getLogger(PART)
    log.debug("too much")
    log.info("said")
    log.error("went wrong")
    assert text_of(tmp_path / "application.log").splitlines() == [
        line for line in text_of(tmp_path / "application.log").splitlines() if PART in line
    ]
    assert "too much" not in text_of(tmp_path / "application.log")
    assert "INFO vatwatch.supervision.decision: said" in text_of(tmp_path / "application.log")
    (error,) = text_of(tmp_path / "error.log").splitlines()
    assert error.endswith("ERROR vatwatch.supervision.decision: went wrong")


def test_nothing_is_kept_before_the_service_has_its_home_or_when_files_are_off(
    tmp_path: Path,
) -> None:
    apply_log_settings(settings())
    logging.getLogger(PART).error("early")
    keep_log_files(tmp_path, settings(LOG_FILES="off"))
    logging.getLogger(PART).error("off")
    writer.flush()
    assert not list(tmp_path.iterdir())


def test_levels_format_and_files_can_be_changed_while_it_runs(tmp_path: Path) -> None:
    log, other = logging.getLogger(PART), logging.getLogger("vatwatch.actors")
    application = tmp_path / "application.log"
    keep_log_files(tmp_path, settings(LOG_LEVEL="warning"))
    log.info("1 not")
    apply_log_settings(settings(LOG_LEVEL="info,vatwatch.supervision=debug", LOG_FORMAT="json"))
    log.debug("2 said")
    other.debug("3 not")
    assert [json.loads(line)["message"] for line in text_of(application).splitlines()] == ["2 said"]
    apply_log_settings(settings(LOG_LEVEL="error"))
    log.warning("4 not")
    log.error("5 said")
    assert text_of(application).splitlines()[-1].endswith(" ERROR " + PART + ": 5 said")
    apply_log_settings(settings(LOG_FILES="off"))
    log.error("6 not")
    assert len(text_of(application).splitlines()) == 2
    assert sum(isinstance(h, setup.StderrHandler) for h in logging.getLogger().handlers) == 1


def test_libraries_that_tell_too_much_do_so_only_if_they_are_named() -> None:
    apply_log_settings(settings(LOG_LEVEL="debug"))
    assert not logging.getLogger("urllib3").isEnabledFor(logging.DEBUG)
    apply_log_settings(settings(LOG_LEVEL="info,urllib3=debug"))
    assert logging.getLogger("urllib3").isEnabledFor(logging.DEBUG)
    apply_log_settings(settings())
    assert not logging.getLogger("urllib3").isEnabledFor(logging.DEBUG)


def test_the_bounds_of_the_files_can_be_changed_while_it_runs(tmp_path: Path) -> None:
    keep_log_files(tmp_path, settings(LOG_MAX_MB=1, LOG_FILES_KEPT=3))
    file = files.file(tmp_path / "access.log")
    assert (file.max_bytes, file.kept) == (1024 * 1024, 3)
    apply_log_settings(settings(LOG_MAX_MB=0.5, LOG_FILES_KEPT=0))
    assert (file.max_bytes, file.kept) == (512 * 1024, 0)


@pytest.mark.parametrize(
    ("text", "general", "of_loggers"),
    [
        ("debug", "debug", {}),
        (" INFO ", "info", {}),
        ("info,vatwatch.supervision=debug", "info", {"vatwatch.supervision": "debug"}),
        ("a=debug, b.c = ERROR,warning", "warning", {"a": "debug", "b.c": "error"}),
        ("vatwatch.feed=debug", "info", {"vatwatch.feed": "debug"}),
    ],
)
def test_levels_are_read(text: str, general: str, of_loggers: dict[str, str]) -> None:
    levels = parse_levels(text)
    assert (levels.general, levels.of_loggers) == (general, of_loggers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loud",
        "info,",
        "info,debug",
        "=debug",
        "info,vatwatch=loud",
        "info,a b=debug",
        "a=b=info",
    ],
)
def test_levels_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|has two|names a part"):
        parse_levels(text)


# Four native threads, which gevent knows nothing of, and the hub's own log at once. `logging` looks
# up loggers and levels that nobody has asked for yet, which takes its lock.
NATIVE_THREADS = """
from gevent import monkey
monkey.patch_all()
import logging, sys
from pathlib import Path
import gevent
from gevent._hub_local import get_hub_if_exists
from vatwatch.config.logs import LogSettings
from vatwatch.logs import keep_log_files
keep_log_files(Path(sys.argv[1]), LogSettings.model_validate({"VATWATCH_LOG_LEVEL": "debug"}))
start = monkey.get_original("_thread", "start_new_thread")
hubs = []
def write(name):
    for number in range(300):
        logging.getLogger(f"vatwatch.{name}.{number % 50}").debug("%s %d", name, number)
def native(name):
    write(name)
    hubs.append(get_hub_if_exists())
for number in range(4):
    start(native, (f"thread{number}",))
write("hub")
gevent.spawn(write, "greenlet").join()
while len(hubs) < 4:
    gevent.sleep(0.01)
sys.exit(0 if hubs == [None] * 4 else f"hubs were made: {hubs}")
"""


def test_native_threads_log_without_a_hub_and_hang_no_other(tmp_path: Path) -> None:
    """A lock of gevent's, wanted by two threads, makes hubs for both, and may hang them."""
    done = subprocess.run(
        [sys.executable, "-c", NATIVE_THREADS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = (tmp_path / "application.log").read_text().splitlines()
    messages = [line.partition("DEBUG ")[2].partition(": ")[2] for line in lines]
    assert len(messages) == len(set(messages)) == 6 * 300
    assert all(line in done.stderr for line in lines)
