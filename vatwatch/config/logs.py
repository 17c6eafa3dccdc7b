"""Settings: the log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from vatwatch.config.section import Section, Switch, checked, setting
from vatwatch.logs.levels import parse_levels


def _level(text: str) -> None:
    parse_levels(text)


class LogSettings(Section):
    """The log."""

    level: Annotated[str, checked(_level)] = setting(
        "VATWATCH_LOG_LEVEL",
        "info",
        "How much is logged: `debug`, `info`, `warning` or `error`; of a part alone as in "
        "`info,vatwatch.supervision=debug`.",
        reload=True,
    )
    format: Literal["console", "json"] = setting(
        "VATWATCH_LOG_FORMAT",
        "console",
        "Lines for people (`console`) or an object each for programs (`json`): on standard error "
        "and in all log files.",
        reload=True,
    )
    files: Switch = setting(
        "VATWATCH_LOG_FILES",
        True,
        "Whether the log is kept in VATWATCH_HOME, too: `application.log`, and its errors alone in "
        "`error.log`.",
        reload=True,
    )
    access: Switch = setting(
        "VATWATCH_ACCESS_LOG", True, "Whether each request has a line in `access.log`.", reload=True
    )
    max_mb: PositiveFloat = setting(
        "VATWATCH_LOG_MAX_MB",
        16.0,
        "A log file that would be larger is renamed to `<name>.1`, and a new one is started.",
        unit="MiB",
        reload=True,
    )
    files_kept: Annotated[int, Field(ge=0, le=1000)] = setting(
        "VATWATCH_LOG_FILES_KEPT",
        5,
        "How many older files of each log are kept.",
        reload=True,
        usual=(None, 100),
    )
