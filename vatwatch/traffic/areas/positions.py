"""From a callsign to the position that its controller works, and the areas of it.

The rules, in this order; the answer names the one that matched:

- `exact`: the callsign without its last part is a position's: `EDGG_KTG_CTR`, `LON_S_CTR`.
- `prefix`: a position's is the longest beginning of it that reaches into the infix: `LON_SC_CTR`
  is at the position `LON_S` if there is no `LON_SC`.
- `variant`: the same without what only tells people apart. Parts that are digits, `M`, `X` or
  nothing (`LON__CTR`) are left out: a second login, a mentor, an examiner; and so are digits at the
  end of a part (`LON_S1_CTR`).
  A digit may stand for a letter (a relief, `EDMM_1LB_CTR` for `ALB`) if one position alone fits.
- `base`: only what stands before the infix is a position's: `LON_CTR` of `LON_QQ_CTR`.
- `departure`: `DEP` has no area of its own, and that of `APP` is taken.
- `frequency`: nothing of the callsign matches, and positions of one area alone, of its kind, have
  the frequency (in any spelling of the channel). VATSpy's and SimAware's files have no frequencies;
  a property `frequency`, in MHz, of an operator's features gives one.
- `unknown`: nobody knows. The station is shown as a circle.

Source of the forms: the data project of VATSpy; the variants are those that users of maps report as
shown in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from vatwatch.traffic.areas.area_file import Area, oceanic_id
from vatwatch.traffic.areas.vatspy import CENTRE, FirRow, VatspyFile
from vatwatch.traffic.radio_channels import channel_hz

# One who only tells people apart: a second login, a mentor, an examiner.
_TELLS_APART = re.compile(r"[0-9]*|M|X")


class MatchedRule(StrEnum):
    """Which rule has matched."""

    EXACT = "exact"
    PREFIX = "prefix"
    VARIANT = "variant"
    BASE = "base"
    DEPARTURE = "departure"
    FREQUENCY = "frequency"
    UNKNOWN = "unknown"


class ControlPosition(Struct, frozen=True, gc=False):
    """A position that a controller can work."""

    prefix: str
    """Of the callsign, infix included, without the last part."""
    name: str
    areas: tuple[str, ...]
    """Ids; several of an upper region."""
    frequency_hz: int | None = None


class FoundPosition(Struct, frozen=True, gc=False):
    """Where a station works. Without `position` the rule is `unknown`."""

    rule: MatchedRule
    position: ControlPosition | None = None


class Positions:
    """Every known position, by the last part of the callsign (`CTR`, `APP`)."""

    def __init__(self, positions: Mapping[str, Iterable[ControlPosition]]) -> None:
        """`positions`: by last part. Where two have one prefix, the first is taken."""
        self._by_suffix: dict[str, dict[str, ControlPosition]] = {}
        for suffix, known in positions.items():
            table = self._by_suffix.setdefault(suffix, {})
            for position in known:
                table.setdefault(position.prefix, position)

    def find(self, callsign: str, frequency_hz: int | None = None) -> FoundPosition:
        """The position of a station, by its callsign in any case of letters, and its frequency."""
        *parts, suffix = callsign.strip().upper().split("_")
        found = self._find_in(suffix, parts)
        if found is None and suffix == "DEP":
            as_approach = self._find_in("APP", parts)
            if as_approach is not None:
                found = FoundPosition(MatchedRule.DEPARTURE, as_approach.position)
        if found is None and frequency_hz is not None:
            found = self._on(suffix, frequency_hz)
        return found or FoundPosition(MatchedRule.UNKNOWN)

    def _find_in(self, suffix: str, parts: list[str]) -> FoundPosition | None:
        table = self._by_suffix.get(suffix, {})
        if not parts or not parts[0] or not table:
            return None
        for rule, position in self._tried(table, parts):
            if position is not None:
                return FoundPosition(rule, position)
        return None

    def _tried(
        self, table: Mapping[str, ControlPosition], parts: list[str]
    ) -> Iterator[tuple[MatchedRule, ControlPosition | None]]:
        base, *infix = parts
        yield MatchedRule.EXACT, table.get("_".join(parts))
        yield MatchedRule.PREFIX, _longest(table, base, infix)
        kept = [part.rstrip("0123456789") for part in infix if not _TELLS_APART.fullmatch(part)]
        if kept != infix:
            yield MatchedRule.VARIANT, table.get("_".join([base, *kept]))
            yield MatchedRule.VARIANT, _longest(table, base, kept)
        yield MatchedRule.VARIANT, _with_a_letter(table, base, infix)
        yield MatchedRule.BASE, table.get(base)

    def _on(self, suffix: str, frequency_hz: int) -> FoundPosition | None:
        wanted = channel_hz(frequency_hz)
        there = [
            position
            for position in self._by_suffix.get(suffix, {}).values()
            if position.frequency_hz is not None and channel_hz(position.frequency_hz) == wanted
        ]
        # A centre may have several prefixes, all of them of one area.
        there_of = {position.areas or (position.prefix,) for position in there}
        is_one = wanted is not None and len(there_of) == 1
        return FoundPosition(MatchedRule.FREQUENCY, there[0]) if is_one else None


def _longest(
    table: Mapping[str, ControlPosition], base: str, infix: list[str]
) -> ControlPosition | None:
    """The position of the longest beginning that has at least one character of the infix."""
    whole = "_".join([base, *infix])
    for end in range(len(whole) - 1, len(base) + 1, -1):
        position = table.get(whole[:end])
        if position is not None:
            # What is left of it tells people apart, or nothing at all: that is the variant.
            return None if not whole[end:].strip("_") else position
    return None


def _with_a_letter(
    table: Mapping[str, ControlPosition], base: str, infix: list[str]
) -> ControlPosition | None:
    """The one position in which each digit of the infix is a letter."""
    whole = "_".join(infix)
    if not re.search("[0-9]", whole) or not re.search("[A-Z]", whole):
        return None
    wanted = re.compile(re.escape(f"{base}_") + re.sub("[0-9]", "[A-Z]", re.escape(whole)))
    fitting = [position for prefix, position in table.items() if wanted.fullmatch(prefix)]
    return fitting[0] if len(fitting) == 1 else None


def positions_of(
    vatspy: VatspyFile | None, firs: Iterable[Area], tracons: Iterable[Area]
) -> Positions:
    """The positions that the files tell.

    Args:
        vatspy: the prefixes of the centres; None: their areas' ids are the prefixes
        firs: the boundaries; a centre without one has no area
        tracons: the approach units, with their prefixes
    """
    table: dict[str, list[ControlPosition]] = {}
    known = {area.area_id: area for area in firs}
    for position in _by_id(known) if vatspy is None else _centres(vatspy, known):
        table.setdefault("CTR", []).append(position)
        # Flight service stations work the oceanic area where a centre has both.
        oceans = tuple(oceanic_id(a) if oceanic_id(a) in known else a for a in position.areas)
        table.setdefault("FSS", []).append(replace(position, areas=oceans))
    for area in tracons:
        unit = [
            ControlPosition(prefix, area.name, (area.area_id,), area.frequency_hz)
            for prefix in area.prefixes or (area.area_id,)
        ]
        table.setdefault(area.suffix or "APP", []).extend(unit)
    return Positions(table)


def _by_id(known: Mapping[str, Area]) -> Iterator[ControlPosition]:
    """Without VATSpy.dat: the ids of areas are the callsigns of their centres."""
    for area in known.values():
        prefix = area.area_id.replace("-", "_")
        yield ControlPosition(prefix, area.name, (area.area_id,), area.frequency_hz)


def _centres(vatspy: VatspyFile, known: Mapping[str, Area]) -> Iterator[ControlPosition]:
    areas_of: dict[str, str] = {}
    for row in vatspy.firs:
        areas_of.setdefault(row.fir, row.area)
        yield _centre(row.prefix, row, vatspy, known)
    for region in vatspy.uirs:
        areas = [areas_of.get(fir, fir) for fir in region.firs]
        yield ControlPosition(
            region.uir, region.name, tuple(dict.fromkeys(a for a in areas if a in known))
        )
    # Last: a FIR's own id, for those whose rows all have other prefixes.
    for row in vatspy.firs:
        yield _centre(row.fir, row, vatspy, known)


def _centre(
    prefix: str, row: FirRow, vatspy: VatspyFile, known: Mapping[str, Area]
) -> ControlPosition:
    called = vatspy.called.get(row.fir[:2], CENTRE)
    name = row.name if row.name.endswith(called) else f"{row.name} {called}"
    area = known.get(row.area)
    if area is None:
        return ControlPosition(prefix, name, ())
    return ControlPosition(prefix, name, (row.area,), area.frequency_hz)
