"""Helpers that all commands share.

The settings are imported by the commands that read them: they bring numpy and shapely, for which
shell completion would wait at each Tab.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO, cast

from vatwatch.redaction import RedactingStream, hide

if TYPE_CHECKING:
    from vatwatch.config.settings import Settings


def read_settings(*, for_service: bool = False, **overrides: object) -> Settings:
    """Read the settings (the command line wins over all others) and set up the log.

    `for_service`: also check whether the service could run with them on this machine now.

    Raises:
        ConfigurationError: with every fault
    """
    from vatwatch.config.settings import read
    from vatwatch.logs import apply_log_settings

    reading = read(overrides=overrides, for_service=for_service)
    hide(reading.secrets())
    keep_secrets_from_stderr()
    settings = reading.accepted()
    apply_log_settings(settings.logs)
    if for_service:
        from vatwatch.actors.traffic_options import read_options

        # This reads the boundary file, so a wrong one ends the start here, too.
        read_options(settings.traffic, settings.contacts)
    for warning in settings.warnings:
        logging.getLogger("vatwatch").warning(warning)
    return settings


def keep_secrets_from_stderr() -> None:
    """Mask secrets in everything that is written to standard error: log lines, tracebacks."""
    if not isinstance(sys.stderr, RedactingStream):
        sys.stderr = cast("TextIO", RedactingStream(sys.stderr))
