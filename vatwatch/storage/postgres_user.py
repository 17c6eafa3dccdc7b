"""The system user that runs the embedded PostgreSQL, which refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vatwatch.errors import EmbeddedPostgresError


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user for PostgreSQL's programs; without ids, the user that runs vatwatch."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> ServerUser:
        """Choose the user: for root, `postgres` (from PostgreSQL's packages) or else `nobody`.

        Raises:
            EmbeddedPostgresError: we are root, and neither exists
        """
        if os.geteuid() != 0:
            return cls()
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run "
            "vatwatch as another user, or set DATABASE_URL"
        )

    @property
    def is_another(self) -> bool:
        """Whether it is not the user that runs vatwatch."""
        return self.uid is not None

    def command(self, places: Sequence[Path], *, dies_with_us: bool = True) -> list[str]:
        """The words to put before a command so that this user runs it.

        Args:
            dies_with_us: whether it gets SIGINT when we are killed. If a server is left
                nevertheless, the next service takes it over.
            places: directories that the command needs. If the user may not pass through those
                above them, it gets the one capability to do so, rather than we open them.

        Raises:
            EmbeddedPostgresError: there is no `setpriv`, and it is needed
        """
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            if self.is_another:
                raise EmbeddedPostgresError(
                    "PostgreSQL does not run as root, and there is no setpriv (util-linux) to "
                    "become another user: install it, run vatwatch as another user, or set "
                    "DATABASE_URL"
                )
            return []
        command = [setpriv, *(["--pdeathsig", "INT"] if dies_with_us else [])]
        if self.is_another:
            command += [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
            if not may_pass(places):
                command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return command if len(command) > 1 else []

    def own(self, path: Path) -> None:
        """Give a file or directory to this user. Raises OSError."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def may_own(self, uid: int) -> bool:
        """Whether files of `uid` are ours or this user's."""
        return uid in (os.geteuid(), self.uid)


def may_pass(places: Sequence[Path]) -> bool:
    """Whether all users may pass through the directories above these."""
    return all(
        directory.stat().st_mode & 0o001
        for place in places
        for directory in place.resolve().parents
    )
