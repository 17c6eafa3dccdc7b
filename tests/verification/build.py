"""Hand-made days: a truth, a derivation, and the snapshots between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vatwatch.verification.accounts import (
    Account,
    FlightAccount,
    Happening,
    LetterChange,
    SessionAccount,
    Snapshots,
    Stay,
)
from vatwatch.verification.comparison import compare_accounts
from vatwatch.verification.results import KindResult

CID, CALLSIGN = 4_000_001, "BAW1"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
# An hour, every 15 s.
SNAPSHOTS = Snapshots([START + timedelta(seconds=15 * number) for number in range(241)], 15)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def there(first_s: float, last_s: float, *, cid: int = CID, callsign: str = CALLSIGN) -> Stay:
    return Stay(cid, callsign, at(first_s), at(last_s))


def flight(number: int, *stays: Stay, diverted: bool = False) -> FlightAccount:
    return FlightAccount(number, stays, diverted)


def happening(
    kind: str, seconds: float, airport: str = "EGLL", *, owner: int = 1, cid: int = CID
) -> Happening:
    return Happening(kind, at(seconds), cid, owner, airport)


def session(
    number: int,
    *stays: Stay,
    connected_s: float | None = None,
    controlling_s: float | None = None,
    hertz: int | None = None,
) -> SessionAccount:
    return SessionAccount(number, stays, connected_s, controlling_s, hertz)


def letter(letter: str, seconds: float, callsign: str = "EGLL_ATIS") -> LetterChange:
    return LetterChange(callsign, at(seconds), letter)


def results(true: Account, derived: Account) -> dict[str, KindResult]:
    return {one.kind: one for one in compare_accounts(true, derived, SNAPSHOTS)}


def counts(result: KindResult) -> tuple[int, int, int]:
    """Found, missed, invented."""
    return result.found, result.missed, result.invented
