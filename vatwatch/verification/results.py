"""How right the rules were, kind by kind, and whether that is what we aim for."""

from __future__ import annotations

from math import ceil
from statistics import median

from msgspec import Struct

MOST_EXAMPLES = 5


class KindResult(Struct):
    """One kind of thing: how many were found, and how far off; filled while it is compared."""

    kind: str
    found: int = 0
    missed: int = 0
    """True ones that were not derived, or derived as something else."""
    invented: int = 0
    """Derived ones that did not happen."""
    errors_s: list[float] = []
    """Derived minus true, of those found; empty for what has no time."""
    snapshots_off: list[int] = []
    """The same in snapshots: 0 is the first one that could show it."""
    examples: list[str] = []
    """A few of the faults, in words."""

    def fault(self, text: str) -> None:
        """Keep an example of a fault."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(text)

    @property
    def true(self) -> int:
        """How many there really were."""
        return self.found + self.missed

    def share_found(self) -> float:
        """Of the true ones; 1 if there were none."""
        return self.found / self.true if self.true else 1.0

    def median_s(self) -> float | None:
        """The median of the errors, with their sign."""
        return median(self.errors_s) if self.errors_s else None

    def p99_s(self) -> float | None:
        """99 % of the errors are no larger, without their sign."""
        if not self.errors_s:
            return None
        sizes = sorted(map(abs, self.errors_s))
        return sizes[ceil(0.99 * len(sizes)) - 1]

    def share_off_by(self, most: int) -> float:
        """Of the true ones: found, and no more snapshots off than this."""
        if not self.true:
            return 1.0
        return sum(abs(off) <= most for off in self.snapshots_off) / self.true


class Aim(Struct, frozen=True):
    """What a kind must come to; a share of the true ones."""

    found: float = 0.0
    within_snapshot: float = 0.0
    most_invented: int | None = None

    def missed_by(self, result: KindResult) -> list[str]:
        """In what the result falls short, in words."""
        short = []
        if result.share_found() < self.found:
            short.append(
                f"{result.kind}: {result.share_found():.2%} found, {self.found:.0%} wanted"
            )
        within = result.share_off_by(1)
        if within < self.within_snapshot:
            wanted = f"{self.within_snapshot:.0%} wanted"
            short.append(f"{result.kind}: {within:.2%} within one snapshot, {wanted}")
        if self.most_invented is not None and result.invented > self.most_invented:
            short.append(f"{result.kind}: {result.invented} invented")
        return short


_COUNTS = Aim(found=1.0, within_snapshot=0.99, most_invented=0)
AIMS = {
    "flights": Aim(found=1.0, most_invented=0),
    "take_off": Aim(within_snapshot=0.99, most_invented=0),
    "landing": Aim(within_snapshot=0.99, most_invented=0),
    "touch_and_go": Aim(most_invented=0),
    "off_block": Aim(most_invented=0),
    "on_block": Aim(most_invented=0),
    "contact_began": Aim(within_snapshot=0.99, most_invented=0),
    "contact_ended": Aim(within_snapshot=0.99),
    "sector_entered": Aim(within_snapshot=0.99, most_invented=0),
    "sector_left": Aim(within_snapshot=0.99),
    **{f"airports: {board}": _COUNTS for board in ("departures", "arrivals", "on ground")},
    **{f"firs: {board}": _COUNTS for board in ("departures", "arrivals", "on ground", "airborne")},
    "sessions": Aim(found=1.0, most_invented=0),
    "reconnects of flights": Aim(most_invented=0),
    "reconnects of sessions": Aim(most_invented=0),
    "frequencies": Aim(most_invented=0),
    "stale atis": Aim(most_invented=0),
}


def missed_aims(results: list[KindResult]) -> list[str]:
    """All in which the results fall short of the aims."""
    return [
        text
        for result in results
        if result.kind in AIMS
        for text in AIMS[result.kind].missed_by(result)
    ]
