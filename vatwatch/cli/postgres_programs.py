"""`vatwatch psql` and `vatwatch backup`: PostgreSQL's own programs, on the service's database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from time import monotonic

import gevent
from rich.console import Console
from rich.filesize import decimal

from vatwatch.cli.database_reach import ReachedDatabase, reach_database
from vatwatch.config.settings import Settings
from vatwatch.errors import BackupFailed
from vatwatch.interrupts import stopped_by_signals
from vatwatch.redaction import redact
from vatwatch.storage.client_programs import find_program
from vatwatch.storage.fsync import sync

POLL_S = 0.2
# Seconds between two progress lines of a backup, if the output is not a terminal.
TOLD_EVERY_S = 10.0
# How long to wait for a program that was told to end.
END_S = 5.0


def psql(settings: Settings, words: Sequence[str]) -> int:
    """Run psql with these words. Returns its exit code, or does not return if psql replaces this
    process.

    Raises VatwatchError if there is no database, or no psql.
    """
    with reach_database(settings) as reached:
        program = find_program("psql", reached.major, reached.bindir)
        command = [str(program), *reached.connection.words, *words]
        sys.stdout.flush()
        if not reached.ours:
            os.execve(program, command, reached.connection.environment)  # noqa: S606 - psql itself
        # Ctrl-C is for psql, where it cancels a query.
        signal.signal(signal.SIGINT, lambda _signal, _frame: None)
        return subprocess.run(command, env=reached.connection.environment, check=False).returncode  # noqa: S603


def backup(settings: Settings, file: Path, *, force: bool) -> None:
    """Write a dump in PostgreSQL's custom format, whole or not at all.

    Raises:
        BackupFailed: there is no new file
        VatwatchError: there is no database, or no pg_dump that fits it
    """
    file = file.absolute()
    if file.is_dir():
        raise BackupFailed(f"{file} is a directory: name a file")
    if file.exists() and not force:
        raise BackupFailed(f"{file} exists: choose another name, or --force to replace it")
    if not file.parent.is_dir():
        raise BackupFailed(f"{file.parent} is not an existing directory")
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        _create(partial)
        with stopped_by_signals(), reach_database(settings) as reached:
            _dump(reached, partial)
            _check(reached, partial)
        sync(partial)
        size = partial.stat().st_size
        partial.replace(file)
        sync(file.parent)
    except OSError as error:
        raise BackupFailed(f"{error.filename or file}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    _say(
        f"{file}: {decimal(size)}. Into an empty database: pg_restore --no-owner -d ADDRESS {file}"
    )


def _dump(reached: ReachedDatabase, partial: Path) -> None:
    program = find_program("pg_dump", reached.major, reached.bindir)
    # -w: it must not ask for a password, since no person may be there.
    command = [str(program), *reached.connection.words, "-Fc", "-w", "-f", str(partial)]
    with subprocess.Popen(  # noqa: S603 - pg_dump itself
        command,
        env=reached.connection.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; we end the program
    ) as process:
        assert process.stderr is not None
        said = gevent.spawn(process.stderr.read)
        try:
            _watch(process, partial)
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
                process.kill()
        text = redact(said.get().decode(errors="replace").strip())
    if process.returncode:
        raise BackupFailed(f"pg_dump fails: {text or f'exit code {process.returncode}'}")
    if text:
        _say(text)


def _watch(process: subprocess.Popen[bytes], partial: Path) -> None:
    """Wait for the program's end, and log the size so far."""
    console = Console(stderr=True)
    told_at = monotonic()
    with console.status("dumping") if console.is_terminal else nullcontext() as status:
        while process.poll() is None:
            gevent.sleep(POLL_S)
            size = decimal(partial.stat().st_size)
            if status is not None:
                status.update(f"dumping: {size}")
            elif monotonic() - told_at > TOLD_EVERY_S:
                told_at = monotonic()
                _say(f"dumping: {size} so far")


def _check(reached: ReachedDatabase, partial: Path) -> None:
    """Check that pg_restore can read the dump."""
    program = find_program("pg_restore", reached.major, reached.bindir)
    done = subprocess.run(  # noqa: S603 - pg_restore itself
        [str(program), "--list", str(partial)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupFailed(f"pg_restore cannot read what pg_dump wrote: {done.stderr.strip()}")


def _create(partial: Path) -> None:
    """Make the file readable only for its owner: it contains personal data."""
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
