"""Settings: directory and log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from vatwatch.config.section import Section, on_disk, printable, setting


def _home(value: Path) -> Path:
    printable(str(value))
    if value.exists() and not value.is_dir():
        raise ValueError("must be a directory, and is a file")
    for above in value.absolute().parents:
        if above.exists():
            if not above.is_dir():
                raise ValueError(f"cannot be made: {above} is not a directory")
            break
    return value


class GeneralSettings(Section):
    """Directory and log."""

    home: Annotated[Path, on_disk(_home)] = setting(
        "VATWATCH_HOME", Path("var"), "Directory of the embedded cluster and the journal."
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "VATWATCH_LOG_LEVEL", "info", "How much is logged."
    )
