"""How long pilots and controllers who lose their connection are away, and what they return with."""

from __future__ import annotations

from enum import Enum
from random import Random

# (share, shortest, longest) of the updates that one who reconnects is away: at once, within two
# minutes, within 14, 16 to 40 minutes. Nobody is away for about a quarter of an hour, where one
# second would decide whose flight it is.
_ABSENCES = ((0.55, 0, 0), (0.30, 1, 8), (0.09, 9, 55), (0.06, 66, 160))
# In the air, some come back after hours: 1 to 8 of them.
HOURS_AWAY = (240, 1_920)


class Back(Enum):
    """With what somebody comes back."""

    SAME = "same"
    NEXT_LEG = "next_leg"
    """At the stand, with the next flight's plan."""
    ELSEWHERE = "elsewhere"
    """With a new flight from another airport."""
    RENAMED = "renamed"
    """The same flight under another callsign."""


def draw_absence(random: Random, *, in_air: bool, hours: float) -> int:
    """For how many updates; `hours` is the share of those in the air that take hours."""
    if in_air and random.random() < hours:
        return random.randint(*HOURS_AWAY)
    _, shortest, longest = random.choices(_ABSENCES, [one[0] for one in _ABSENCES])[0]
    return random.randint(shortest, longest)
