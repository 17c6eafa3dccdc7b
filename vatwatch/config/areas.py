"""Settings: the files of areas, and who works them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from vatwatch.config import addresses
from vatwatch.config.area_copies import has_copy
from vatwatch.config.section import Section, TextList, refusal_of, setting
from vatwatch.config.showing import shown_wrong

_LEVEL = re.compile(r"[1-9]\d{0,4}", re.ASCII)


def is_address(given: str) -> bool:
    """Whether it is asked over HTTP; else it is a file or a directory."""
    return "://" in given


def _places(given: tuple[str, ...]) -> tuple[str, ...]:
    for number, one in enumerate(given, 1):
        try:
            if is_address(one):
                addresses.http(one)
        except ValueError as error:
            raise ValueError(f"{_which(number, given)}{error}") from None
    if len(set(given)) < len(given):
        raise ValueError("names the same file or address twice: keep one")
    return given


def _which(number: int, given: tuple[str, ...]) -> str:
    return f"number {number} " if len(given) > 1 else ""


def _readable(path: Path) -> None:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        elif path.is_file():
            with path.open("rb"):
                pass
        else:
            raise ValueError(
                "must be a file or a directory that exists, or an address that begins with "
                "https:// or http://"
            )
    except OSError as error:
        raise ValueError(f"must be something that can be read ({refusal_of(error)})") from None


Places = Annotated[TextList, AfterValidator(_places)]


def _levels(given: tuple[str, ...]) -> tuple[str, ...]:
    names = [_name_and_level(one)[0] for one in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"names {twice} twice: keep one")
    return given


def _name_and_level(given: str) -> tuple[str, int | None]:
    name, _, level = (part.strip() for part in given.rpartition("="))
    if not name:
        raise ValueError(f"must be NAME=20 or NAME=off: {given!r} is neither")
    if level.lower() == "off":
        return name.casefold(), None
    if _LEVEL.fullmatch(level) is None:
        raise ValueError(f"must be a number of aircraft, or off, for each name: {given!r} is not")
    return name.casefold(), int(level)


class AreaSettings(Section):
    """The files of areas, and who works them."""

    positions_data: Places = setting(
        "VATWATCH_POSITIONS_DATA",
        (),
        "Files, directories or http(s) addresses, separated by commas: VATSpy.dat, its boundaries, "
        "SimAware's TRACONs. Each is recognised by its content, and may be packed with gzip. "
        "Without them every station is shown as a circle.",
        repr=False,
        reload=True,
    )
    sectors: Places = setting(
        "VATWATCH_SECTORS",
        (),
        "The same for sectors: GeoJSON with a name, a floor and a ceiling for each.",
        repr=False,
        reload=True,
    )
    sector_warning: PositiveInt | None = setting(
        "VATWATCH_SECTOR_WARNING",
        None,
        "There is an alert while a FIR or a sector has so many aircraft, or is expected to within "
        "the hour. Of one whose file or `VATWATCH_SECTOR_WARNINGS` says another number, that "
        "counts. Unset: only those have an alert.",
        reload=True,
        usual=(None, None),
    )
    sector_warnings: Annotated[TextList, AfterValidator(_levels)] = setting(
        "VATWATCH_SECTOR_WARNINGS",
        (),
        "The same for each one that is named: `NAME=20`, or `NAME=off` for no alert, separated by "
        "commas, in any case of letters.",
        reload=True,
    )
    check_hours: PositiveFloat = setting(
        "VATWATCH_AREAS_CHECK_HOURS",
        24.0,
        "Time between two questions to an address whether its file has changed; the data have a "
        "new cycle every 28 days. (Files are looked at every `VATWATCH_CONFIG_INTERVAL`.)",
        unit="h",
        reload=True,
        usual=(0.25, 720),
    )

    @property
    def named_warnings(self) -> dict[str, int | None]:
        """The levels of `sector_warnings`, by name in small letters; None: off."""
        return dict(_name_and_level(one) for one in self.sector_warnings)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those that are asked over HTTP."""
        return tuple(one for one in (*self.positions_data, *self.sectors) if is_address(one))


def unreadable_places(areas: AreaSettings, home: Path | None) -> Iterator[str]:
    """A line for each path that cannot be read, unless there is a last good copy of it: a file that
    is deleted while the service runs must not refuse other settings, nor the next start."""
    for attribute in ("positions_data", "sectors"):
        field, given = AreaSettings.model_fields[attribute], getattr(areas, attribute)
        for number, one in enumerate(given, 1):
            name = str(field.alias)
            if is_address(one) or (home is not None and has_copy(home, name, one)):
                continue
            try:
                _readable(Path(one))
            except ValueError as error:
                value = shown_wrong(",".join(given), field)
                yield f"{name}={value}: {_which(number, given)}{error}"
                break
