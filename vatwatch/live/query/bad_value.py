"""The error for a value of a query that cannot be read."""

from __future__ import annotations

from collections.abc import Collection


class BadValue(ValueError):
    """What a value must be: the end of the sentence `The parameter "x" …`.

    `given` and `choices`, if there are any, tell what was written and what could have been: the
    reader of the error finds the near match.
    """

    def __init__(self, must: str, given: str = "", choices: Collection[str] = ()) -> None:
        super().__init__(must)
        self.must = must
        self.given = given
        self.choices = choices


def listed(given: str) -> list[str]:
    """The values between commas. Raises BadValue if one is empty."""
    found = [each.strip() for each in given.split(",")]
    if not all(found):
        raise BadValue("has an empty value between its commas")
    return found
