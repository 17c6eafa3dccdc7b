"""The settings: their values and sources, and the order to read them again."""

from __future__ import annotations

from dataclasses import asdict

import falcon
from msgspec import Struct

from vatwatch.config.hot_reload import SettingChange
from vatwatch.counting import counted
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.problems import Unprocessable
from vatwatch.http.request_bodies import require_no_fields
from vatwatch.messages import GetSettings, ReloadOutcome, ReloadSettings

# Reading takes milliseconds; a large boundary on a slow disk takes seconds.
RELOAD_TIMEOUT_S = 30.0


class Reloaded(Struct, frozen=True):
    """The answer to a successful reload."""

    version: int
    changed: tuple[SettingChange, ...]
    needs_restart: tuple[str, ...]
    warnings: tuple[str, ...]


class ConfigResource(BaseResource):
    """Every setting with its value."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Values, the source of each, and what waits for a restart or was refused.

        `pending` is the value of a setting after the next start, if that is another one.
        """
        found = self._service.ask("config_watcher", GetSettings())
        pending = {change.name: change.after for change in found.needs_restart}
        send_json(
            resp,
            {
                "version": found.version,
                "changed_at": found.changed_at,
                "rejected_at": found.rejected_at,
                "faults": found.faults,
                "warnings": found.warnings,
                "needs_restart": list(pending),
                "settings": [
                    asdict(one) | {"pending": pending.get(one.name)} for one in found.settings
                ],
            },
        )


class ReloadResource:
    """`POST` reads the settings again."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Use the changed settings, or refuse all of them and list every fault."""
        self._service.authorization.require(req, "reload the settings")
        require_no_fields(req)
        outcome = self._service.ask("config_watcher", ReloadSettings(), timeout_s=RELOAD_TIMEOUT_S)
        if outcome.faults:
            raise _refused(outcome)
        send_json(
            resp,
            Reloaded(
                version=outcome.version,
                changed=outcome.changed,
                needs_restart=tuple(change.name for change in outcome.needs_restart),
                warnings=outcome.warnings,
            ),
        )


def _refused(outcome: ReloadOutcome) -> Unprocessable:
    faults = counted(len(outcome.faults), "fault")
    return Unprocessable(
        "The settings are refused",
        f"{faults} found in the settings; nothing is changed. Correct what `faults` lists and try "
        "again.",
        outcome.faults,
    )
