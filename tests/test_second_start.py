"""A second service where one runs already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vatwatch.storage.embedded import EmbeddedPostgres
from vatwatch.storage.journal import Journal

PATIENCE_S = 60


def second_start(home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VATWATCH_HOME": str(home), "PORT": "45871"}
    command = [sys.executable, "-m", "vatwatch", "run"]
    return subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=PATIENCE_S
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_second_start_on_the_same_journal_says_in_one_line_who_has_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", max_bytes=1)
    journal.open()
    try:
        assert f"journal is in use by process {os.getpid()}" in refusal(second_start(tmp_path))
    finally:
        journal.close()


def test_a_second_start_on_the_same_embedded_database_says_in_one_line_who_has_it(
    tmp_path: Path,
) -> None:
    cluster = EmbeddedPostgres(tmp_path)
    cluster.start()
    try:
        assert f"postgres is in use by process {os.getpid()}" in refusal(second_start(tmp_path))
    finally:
        cluster.stop()
