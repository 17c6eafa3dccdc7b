"""Conditions on numbers: one of several, or from one to another. Both ends are included."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from vatwatch.live.query.bad_value import BadValue, listed
from vatwatch.live.query.columns import Bools, NumberColumn

# PostgreSQL's integer, as which the feed's numbers are read.
MAX_CID = 2**31 - 1
FULL_CIRCLE_DEG = 360.0
# VATSIM's numbers, as the feed lists them: facilities from OBS to CTR, ratings from INAC to ADM.
FACILITIES = range(7)
RATINGS = range(-1, 13)

_CID = re.compile(r"\d{1,10}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class NumberCondition:
    """A number is one of these."""

    numbers: frozenset[int]

    @property
    def text(self) -> str:
        """The normal form, as it is written in a query."""
        return ",".join(map(str, sorted(self.numbers)))

    def test(self, value: float | None) -> bool:
        """Whether a number fulfils it; one that is not known does not."""
        return value in self.numbers

    def test_all(self, column: NumberColumn) -> Bools:
        """Whether each value of a column fulfils it."""
        return np.isin(column.values, np.array(sorted(self.numbers), np.float64))


@dataclass(frozen=True, slots=True)
class RangeCondition:
    """A number is from `low` to `high`; None: there is no such end.

    `around`: of degrees, which begin again after 360, so that `350..10` is the north. North is both
    0 and 360.
    """

    low: float | None
    high: float | None
    around: bool = False

    @property
    def text(self) -> str:
        """The normal form, as it is written in a query."""
        low, high = ("" if end is None else _plain(end) for end in (self.low, self.high))
        return low if low == high else f"{low}..{high}"

    def test(self, value: float | None) -> bool:
        """Whether a number fulfils it; one that is not known does not."""
        if value is None:
            return False
        if self.around and value in (0.0, FULL_CIRCLE_DEG):
            return self._has(0.0) or self._has(FULL_CIRCLE_DEG)
        return self._has(value)

    def test_all(self, column: NumberColumn) -> Bools:
        """Whether each value of a column fulfils it."""
        values = column.values
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        above, below = values >= low, values <= high
        found = above | below if low > high else above & below
        if self.around:
            north = (values == 0.0) | (values == FULL_CIRCLE_DEG)
            found = np.where(north, self._has(0.0) or self._has(FULL_CIRCLE_DEG), found)
        return found

    def _has(self, value: float) -> bool:
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        if self.low is not None and self.high is not None and self.low > self.high:
            return above or below
        return above and below


def read_cids(given: str) -> NumberCondition:
    """CIDs between commas. Raises BadValue."""
    for each in listed(given):
        if _CID.fullmatch(each) is None or not 1 <= int(each) <= MAX_CID:
            raise BadValue(f"must have whole numbers from 1 to {MAX_CID}, with commas between them")
    return NumberCondition(frozenset(map(int, listed(given))))


def read_range(given: str) -> RangeCondition:
    """`low..high`, `low..`, `..high`, or one number. Raises BadValue."""
    found = _ends(given)
    if found.low is not None and found.high is not None and found.low > found.high:
        raise BadValue("must have its smaller end first")
    return found


def read_degrees(given: str) -> RangeCondition:
    """A range of directions, from 0 to 360, which may lead over the north. Raises BadValue."""
    found = _ends(given)
    for end in (found.low, found.high):
        if end is not None and not 0.0 <= end <= FULL_CIRCLE_DEG:
            raise BadValue("must be in degrees, from 0 to 360")
    return RangeCondition(found.low, found.high, around=True)


def read_some_of(given: str, numbers: range) -> RangeCondition:
    """A range that has at least one of the only `numbers` that there are. Raises BadValue."""
    found = read_range(given)
    if not any(map(found.test, numbers)):
        raise BadValue(
            f"must be one of the whole numbers from {numbers[0]} to {numbers[-1]}, or a range that "
            "has some of them"
        )
    return found


def _ends(given: str) -> RangeCondition:
    low, dots, high = given.partition("..")
    ends = [end.strip() for end in ((low, high) if dots else (low, low))]
    if not any(ends) or any(end and _NUMBER.fullmatch(end) is None for end in ends):
        raise BadValue("must be a range such as 10000..40000, 10000.., ..40000, or one number")
    # Minus nothing is nothing.
    first, last = (float(end) + 0.0 if end else None for end in ends)
    return RangeCondition(first, last)


def _plain(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)
