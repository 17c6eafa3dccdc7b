"""Names of radio channels, and the VHF frequencies that stand for HF ones in the simulator."""

from __future__ import annotations

from functools import cache
from random import Random

HF_BELOW_HZ = 30_000_000
AIRBAND_KHZ = (118_000, 137_000)
# Some of those that VATSIM's voice server has: pilots without an HF radio tune the first.
HF_OF_VHF = {
    131_900_000: 5_649_000,
    131_700_000: 8_864_000,
    131_800_000: 6_547_000,
    129_000_000: 8_867_000,
    124_650_000: 17_904_000,
}


@cache
def name_hz(hertz: int) -> int:
    """The channel's name on the raster of 25 kHz if it has one, else the frequency on its grid."""
    if hertz < HF_BELOW_HZ:
        return round(hertz / 1_000) * 1_000
    khz = round(hertz / 5_000) * 5
    if AIRBAND_KHZ[0] <= khz < AIRBAND_KHZ[1]:
        # 118.005 is the carrier of 118.000; two decimals make 118.02 of 118.025.
        khz += {5: -5, 30: -5, 20: 5}.get(khz % 50, 0)
    return khz * 1_000


@cache
def channel_hz(hertz: int) -> int:
    """What radios on one channel have in common: the name, or the HF frequency of an alias."""
    return HF_OF_VHF.get(name_hz(hertz), name_hz(hertz))


@cache
def other_name_hz(hertz: int, which: int) -> int:
    """The channel as radios of another spacing name it: 0 as it is, 1 with 8.33 kHz, 2 short."""
    khz = hertz // 1_000
    if not AIRBAND_KHZ[0] <= khz < AIRBAND_KHZ[1]:
        return hertz
    if which == 1 and khz % 25 == 0:
        return hertz + 5_000
    if which == 2 and khz % 50 == 25:
        return hertz - 5_000
    return hertz


def draw_spelling(cid: int, share: float) -> int:
    """For `other_name_hz`; drawn from the cid, so that the traffic is the same with any share."""
    random = Random(f"spelling/{cid}")  # noqa: S311 - no secret
    return random.choice((1, 2)) if random.random() < share else 0
