"""Runs `vatwatch doctor`, and finds what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.fork_server import run_vatwatch
from vatwatch.cli.examination.examine import examine
from vatwatch.cli.examination.report import document

PATIENCE_S = 110
# Nobody answers there, at once: the feed is not what a test is about.
NO_FEED = {"VATSIM_API_URL": "http://127.0.0.1:1/vatsim-data.json"}
STATES = ("ok", "warning", "fault")


@dataclass(frozen=True, slots=True)
class Said:
    check: str
    state: str
    text: str
    advice: str


class Doctor:
    """One look, made in this process: a start of the command takes seconds on a busy machine."""

    def __init__(self, directory: Path, **environment: str) -> None:
        with mock.patch.dict(os.environ, environment_of(directory, environment)), chdir(directory):
            found = document(examine({}, timeout_s=PATIENCE_S))
        self.printed = json.dumps(found)
        self._take(found)

    def _take(self, found: dict[str, Any]) -> None:
        self.state = found["state"]
        self.all = [Said(**one) for one in found["findings"]]
        # Nobody is left without a way out.
        assert all(one.advice for one in self.all if one.state != "ok")

    def found(self, check: str, *states: str) -> list[Said]:
        """What it said about this subject, in these states; without, in each."""
        return [one for one in self.all if one.check == check and one.state in (states or STATES)]

    def one(self, check: str, *states: str) -> Said:
        """The only one of them."""
        (one,) = self.found(check, *states)
        return one


class DoctorCommand(Doctor):
    """The same as its user runs it; `before`: words before the command."""

    def __init__(
        self, directory: Path, *words: str, before: Sequence[str] = (), **environment: str
    ) -> None:
        env = {**os.environ, **environment_of(directory, environment)}
        command = ["doctor", "--json", *words]
        if before:
            done = subprocess.run(
                [*before, sys.executable, "-m", "vatwatch", *command],
                env=env,
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
            )
        else:
            done = run_vatwatch(command, env, directory, PATIENCE_S)
        assert done.stderr == ""
        self.printed = done.stdout
        self._take(json.loads(done.stdout))
        assert done.returncode == int(any(one.state == "fault" for one in self.all))


def environment_of(directory: Path, given: dict[str, str]) -> dict[str, str]:
    return {"VATWATCH_HOME": str(directory / "home"), **NO_FEED, **given}
