"""Hot reload: what changes when settings are read again while the service runs. Pure.

Settings that can be reloaded take their new values at once. The others keep the old values until a
restart, so the settings in force are a mixture; `needs_restart` names the waiting ones. Nothing is
applied in part: a reading with a fault has no settings to compare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic.fields import FieldInfo

from vatwatch.config.settings import SECTIONS, Settings, fields
from vatwatch.config.showing import is_reloadable, shown


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting whose value has changed, with secrets masked."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ReloadPlan:
    """The result of a reload."""

    settings: Settings
    """The settings for now; with the next version number if anything has changed."""
    changed: tuple[SettingChange, ...]
    """Changes that take effect now."""
    needs_restart: tuple[SettingChange, ...]
    """Changes that take effect at the next start."""


def plan_reload(in_force: Settings, read: Settings) -> ReloadPlan:
    """Compare the settings in force with those that were read just now.

    Args:
        in_force: the settings that the service runs with
        read: all settings as their sources have them now, checked as a whole

    Returns:
        the settings for now, and the changes
    """
    changed: list[SettingChange] = []
    needs_restart: list[SettingChange] = []
    sources = dict(read.sources)
    new: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for section, name, (attribute, field) in fields():
        before = getattr(getattr(in_force, section), attribute)
        after = getattr(getattr(read, section), attribute)
        if before == after:
            continue
        change = _change(name, field, before, after)
        if is_reloadable(field):
            changed.append(change)
            new[section][attribute] = after
        else:
            needs_restart.append(change)
            sources.pop(name, None)
            if name in in_force.sources:
                sources[name] = in_force.sources[name]
    settings = replace(
        in_force,
        **{
            section: getattr(in_force, section).model_copy(update=update)
            for section, update in new.items()
            if update
        },
        sources=sources,
        warnings=read.warnings,
        version=in_force.version + bool(changed),
    )
    return ReloadPlan(settings, tuple(changed), tuple(needs_restart))


def _change(name: str, field: FieldInfo, before: object, after: object) -> SettingChange:
    return SettingChange(name, shown(before, field), shown(after, field))
