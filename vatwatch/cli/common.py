"""What the commands share."""

from __future__ import annotations

import logging
import sys

from vatwatch.config.settings import Settings, load


def read_settings(**overrides: object) -> Settings:
    """The settings, those of the command line over all others, and the log as they want it."""
    settings = load(overrides=overrides)
    logging.basicConfig(
        level=settings.general.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    for warning in settings.warnings:
        logging.getLogger("vatwatch").warning(warning)
    return settings
