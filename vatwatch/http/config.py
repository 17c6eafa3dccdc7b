"""The settings: their values and sources, and the order to read them again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

import falcon
from msgspec import Struct

from vatwatch.access.scopes import Scope
from vatwatch.config.hot_reload import SettingChange
from vatwatch.counting import counted
from vatwatch.http.access import Scopes
from vatwatch.http.app_context import AppContext, BaseResource, send_json
from vatwatch.http.describe import Tag, describe
from vatwatch.http.nodes import NODE, may_order_others, of_collector
from vatwatch.http.problems import Unprocessable
from vatwatch.http.request_bodies import require_no_fields
from vatwatch.messages import GetSettings, ReloadOutcome, ReloadSettings, TellReload

# Reading takes milliseconds; a large boundary on a slow disk takes seconds.
RELOAD_TIMEOUT_S = 30.0


class Reloaded(Struct, frozen=True):
    """The answer to a successful reload."""

    version: int
    changed: tuple[SettingChange, ...]
    needs_restart: tuple[str, ...]
    warnings: tuple[str, ...]


class SettingBody(Struct, frozen=True):
    """One setting."""

    section: str
    name: str
    value: str
    default: str
    unit: str
    why: str
    source: str
    """`command line`, `environment`, `.env`, `vatwatch.toml` or `default`."""
    reloadable: bool
    """Whether a changed value takes effect while the service runs; else it needs a restart."""
    pending: str | None
    """Its value after the next start, if that is another one."""


class SettingsBody(Struct, frozen=True):
    """The settings, and how reading them again went."""

    version: int
    """How often they were changed since the start of the process."""
    changed_at: datetime | None
    rejected_at: datetime | None
    faults: tuple[str, ...]
    """Why the files are refused as they are now; empty: they are in force."""
    warnings: tuple[str, ...]
    needs_restart: list[str]
    """Settings with another value after the next start."""
    settings: list[SettingBody]


@of_collector("GET")
class ConfigResource(BaseResource):
    """Every setting with its value."""

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Every setting, its value, and where that comes from.",
        tag=Tag.SERVICE,
        answers={200: SettingsBody},
        problems=(503,),
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Values, the source of each, and what waits for a restart or was refused.

        `pending` is the value of a setting after the next start, if that is another one.
        """
        found = self._service.ask("config_watcher", GetSettings())
        pending = {change.name: change.after for change in found.needs_restart}
        send_json(
            resp,
            SettingsBody(
                version=found.version,
                changed_at=found.changed_at,
                rejected_at=found.rejected_at,
                faults=found.faults,
                warnings=found.warnings,
                needs_restart=list(pending),
                settings=[
                    SettingBody(**asdict(one), pending=pending.get(one.name))
                    for one in found.settings
                ],
            ),
        )


@of_collector("POST")
class ReloadResource:
    """`POST` reads the settings again."""

    scopes: ClassVar[Scopes] = {"POST": Scope.ADMIN}

    def __init__(self, service: AppContext) -> None:
        self._service = service

    @describe(
        "Read the settings again.", tag=Tag.SERVICE, answers={200: Reloaded}, problems=(422, 503)
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Use the changed settings, or refuse all of them and list every fault.

        Without `node` all other nodes read theirs again, too; what comes of it is in their health.
        """
        self._service.authorization.require(req, "reload the settings")
        require_no_fields(req)
        outcome = self._service.ask("config_watcher", ReloadSettings(), timeout_s=RELOAD_TIMEOUT_S)
        if outcome.faults:
            raise _refused(outcome)
        if NODE.of(req) == "" and may_order_others(req, self._service):
            # Each node has files and an environment of its own host; its health says what is wrong
            # with them.
            self._service.tree.directory.address("nodes").tell(TellReload(everywhere=True))
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
