"""`vatwatch completion`: a shell completes commands, options and their values."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vatwatch.cli import main

PATIENCE_S = 110
# The console script stands beside the interpreter.
PROGRAMS = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", **more}


def script_for(shell: str) -> str:
    done = subprocess.run(
        ["vatwatch", "completion", shell],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


class Bash:
    """A bash in a terminal of its own, with nothing but the script."""

    def __init__(self, script: Path, directory: Path) -> None:
        self._ours, theirs = pty.openpty()
        # It prints a mark that the typed line does not have, so that no echo is taken for it.
        ready = f"source {script}; bind 'set bell-style none'; echo ready$((6*7))\n"
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=directory,
            env=environment(TERM="dumb", PS1="$ ", INPUTRC="/dev/null", HISTFILE=""),
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""
        self.type(ready)
        self.wait_for("ready42")

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen[-2000:]!r}"
            if select.select([self._ours], [], [], 0.2)[0]:
                self.seen += os.read(self._ours, 65536).decode(errors="replace")
        self.seen = self.seen[self.seen.index(text) + len(text) :]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_bash_completes_commands_options_values_and_files(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(script_for("bash"))
    (tmp_path / "capture-of-today.json").touch()
    bash = Bash(script, tmp_path)
    try:
        for typed, completed in (
            ("vatwatch chec\t", "vatwatch check "),
            ("--off\t", "--offline "),
            ("\x15vatwatch completion fi\t", "vatwatch completion fish "),
            ("\x15vatwatch replay captu\t", "vatwatch replay capture-of-today.json"),
        ):
            bash.type(typed)
            bash.wait_for(completed)
    finally:
        bash.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_the_program_which_answers_with_every_command(
    shell: str,
) -> None:
    assert f"_VATWATCH_COMPLETE={shell}_complete" in script_for(shell)
    # As the scripts ask: bash and zsh give the number of the word, fish the word itself.
    asked = {"COMP_WORDS": "vatwatch ", "COMP_CWORD": "" if shell == "fish" else "1"}
    done = subprocess.run(
        ["vatwatch"],
        env=environment(_VATWATCH_COMPLETE=f"{shell}_complete", **asked),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    words = done.stdout.replace(",", "\n").replace("\t", "\n").splitlines()
    assert [name for name in main.commands if name not in words] == []


def test_another_shell_is_refused_with_those_that_there_are() -> None:
    done = subprocess.run(
        ["vatwatch", "completion", "ksh"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert all(f"'{shell}'" in done.stderr for shell in ("bash", "zsh", "fish"))
