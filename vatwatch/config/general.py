"""Settings: the directory, and the watch over the settings' own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import PositiveFloat

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
    """The directory, and the watch over the settings' own files."""

    home: Annotated[Path, on_disk(_home)] = setting(
        "VATWATCH_HOME", Path("var"), "Directory of the embedded cluster and the journal."
    )
    config_interval_s: PositiveFloat = setting(
        "VATWATCH_CONFIG_INTERVAL",
        2.0,
        "Time between two checks of vatwatch.toml, .env, the boundary file and the files of areas "
        "for changes. A change takes effect when two checks in a row see it.",
        unit="s",
        reload=True,
    )
