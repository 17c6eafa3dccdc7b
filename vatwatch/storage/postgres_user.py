"""The system's user who runs the embedded PostgreSQL, which refuses to run as root."""

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
    """The user for PostgreSQL's programs; without ids, the one who runs vatwatch."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def choose(cls) -> ServerUser:
        """For root the user that PostgreSQL's packages make, else nobody.

        Raises:
            EmbeddedPostgresError: we are root, and there is neither
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
        """Whether it is not the user who runs vatwatch."""
        return self.uid is not None

    def command(self, places: Sequence[Path], *, dies_with_us: bool = True) -> list[str]:
        """What to put before a command, so that this user runs it.

        Args:
            dies_with_us: whether it gets SIGINT when we are killed. A server that is left all the
                same is taken over by the next service.
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
        """Whether what belongs to `uid` is ours or this user's."""
        return uid in (os.geteuid(), self.uid)


def may_pass(places: Sequence[Path]) -> bool:
    """Whether everybody may go through the directories above these."""
    return all(
        directory.stat().st_mode & 0o001
        for place in places
        for directory in place.resolve().parents
    )
