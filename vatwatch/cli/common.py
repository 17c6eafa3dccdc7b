"""What the commands share."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

from vatwatch.actors.traffic_options import read_options
from vatwatch.config.settings import Settings, read
from vatwatch.logs import apply_log_settings
from vatwatch.redaction import RedactingStream, hide


def read_settings(*, for_service: bool = False, **overrides: object) -> Settings:
    """The settings, those of the command line over all others, and the log as they want it.

    `for_service`: also see whether the service could run with them on this machine now.

    Raises:
        ConfigurationError: with every fault that there is
    """
    reading = read(overrides=overrides, for_service=for_service)
    hide(reading.secrets())
    keep_secrets_from_stderr()
    settings = reading.accepted()
    apply_log_settings(settings.logs)
    if for_service:
        # It reads the boundary's file: a wrong one ends the start here, too.
        read_options(settings.traffic)
    for warning in settings.warnings:
        logging.getLogger("vatwatch").warning(warning)
    return settings


def keep_secrets_from_stderr() -> None:
    """Whatever is written there from now on: log lines, tracebacks of threads and greenlets."""
    if not isinstance(sys.stderr, RedactingStream):
        sys.stderr = cast("TextIO", RedactingStream(sys.stderr))
