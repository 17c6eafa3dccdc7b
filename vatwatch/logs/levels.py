"""Log levels: `info`, or `info,vatwatch.supervision=debug` for more of one part."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NAMES = ("debug", "info", "warning", "error")
_LOGGER = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Levels:
    """The general level, and the levels of some loggers with all below them."""

    general: str = "info"
    of_loggers: dict[str, str] = field(default_factory=dict)


def parse_levels(text: str) -> Levels:
    """Read `level,logger=level,…`; the default of the general level is `info`.

    Raises:
        ValueError: with the expected form
    """
    general, of_loggers = "", {}
    for part in text.split(","):
        logger, equals, level = (word.strip() for word in part.rpartition("="))
        if level.lower() not in NAMES:
            raise ValueError(
                "must be debug, info, warning or error; for a part of the service alone, add it as "
                "in info,vatwatch.supervision=debug"
            )
        if not equals:
            if general:
                raise ValueError("has two levels for everything: only one is possible")
            general = level.lower()
        elif _LOGGER.fullmatch(logger) is None:
            raise ValueError("names a part that cannot be: write it as in vatwatch.supervision")
        else:
            of_loggers[logger] = level.lower()
    return Levels(general or "info", of_loggers)
