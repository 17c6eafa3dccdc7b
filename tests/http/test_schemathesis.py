"""The running service answers as /openapi.json says, whatever it is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.feed_server import FeedServer
from tests.process import started
from vatsim_simulator.areas import SECTORS, write_areas

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
KEY = "a-key-of-the-tests-that-is-long-enough"
SEED = 1
# Each operation with every one of its cases at the limits, and with some random ones: a minute.
EXAMPLES = 6
PATIENCE_S = 540


@pytest.mark.timeout(PATIENCE_S + 60)
def test_every_answer_is_as_the_document_says(home: Path, tmp_path: Path) -> None:
    write_areas(tmp_path / "areas")
    with (
        FeedServer() as feeds,
        started(
            home,
            tmp_path / "log",
            VATSIM_API_URL=feeds.url,
            VATWATCH_API_KEYS=KEY,
            VATWATCH_READ_RATE="off",
            VATWATCH_KEY_RATE="off",
            VATWATCH_WRITE_RATE="100000/minute",
            VATWATCH_FAULTS="on",
            VATWATCH_SECTORS=tmp_path / "areas" / SECTORS[0],
        ) as service,
    ):
        service.until_ready()
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml",
            "run", f"{service.base}/openapi.json", "--header", f"Authorization: Bearer {KEY}",
            "--seed", SEED, "--max-examples", EXAMPLES,
            "--phases", "examples,coverage,fuzzing,stateful",
            "--suppress-health-check", "all", "--continue-on-failure", "--workers", 2,
            "--request-timeout", 60, "--no-color", "--warnings", "off",
        ]  # fmt: skip
        done = subprocess.run(
            [str(part) for part in command],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.http.schemathesis_hooks"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        assert service.get("/readyz")[0] == 200
        assert "Traceback" not in service.said()
