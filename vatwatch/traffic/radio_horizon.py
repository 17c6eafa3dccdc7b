"""How far a radio is heard over the curve of the earth.

Two aerials see each other within the sum of their horizons, of which each is 1.23 nm times the root
of the height above the sea in feet. An aerial at the sea's level, below it (Schiphol), or of no
known height counts as 10 ft high: with zero, two radios at one field would not see each other. On
HF nothing is in the way, as if the aerial were infinitely high.
"""

from __future__ import annotations

from vatwatch.traffic.thresholds import threshold

HORIZON_NM = threshold(
    1.23,
    "nm",
    "Times the root of the height in feet: how far an aerial sees to the sea. The air bends the "
    "ray, as if the earth were four thirds as large; without it 1.06.",
    "ITU-R P.310, radio horizon.",
)
LEAST_HEIGHT_FT = threshold(
    10,
    "ft",
    "No aerial lies on the ground. Two as low as this see each other over 7.8 nm, which is more "
    "than any airport is wide.",
)
FEET_A_METRE = 1 / 0.3048
