"""Which radios are on one channel: spellings, and the VHF aliases of HF.

- The feed has hertz, and not clean ones (`122800010`): the nearest multiple of 5 kHz counts, and on
  HF the nearest kHz, for channels there are 3 kHz apart.
- In the VHF airband a 25 kHz channel has a second name where radios have 8.33 kHz spacing: 118.005
  is the carrier of 118.000. Radios with two decimals show 118.025 and 118.075 as 118.02 and 118.07.
  The 25 kHz name stands for all of them. 118.010 and 118.015 are channels of their own.
- Most aircraft of simulators have no HF radio. Their pilots tune a VHF frequency that stands for an
  HF one, and VATSIM's voice server puts them onto it, so that the feed shows one or the other.
- 199.998 MHz means no frequency, and so does what is rounded to zero.
"""

from __future__ import annotations

from functools import lru_cache

from vatwatch.feed.frequency import GRID_HZ, MAX_HZ, NO_FREQUENCY_HZ, on_grid_hz
from vatwatch.traffic.thresholds import threshold

HF_BELOW_HZ = threshold(
    30_000_000,
    "Hz",
    "Lower frequencies go around the curve of the earth by the ionosphere.",
    "The upper end of HF, ITU Radio Regulations, article 2.1.",
)
HF_GRID_HZ = threshold(
    1_000,
    "Hz",
    "The channels of aircraft are 3 kHz apart and named by the kHz; a grid of 5 kHz would make one "
    "channel of 8.864 and 8.867 MHz.",
    "ITU Radio Regulations, appendix 27.",
)
AIRBAND_FROM_HZ = threshold(
    118_000_000,
    "Hz",
    "Between the navigation aids and 137 MHz channels have names of 25 and of 8.33 kHz.",
    "ICAO Annex 10, volume V, table 4-1 (bis).",
)
AIRBAND_TO_HZ = threshold(
    137_000_000,
    "Hz",
    "The end of that band.",
    "ICAO Annex 10, volume V, table 4-1 (bis).",
)
SPACING_HZ = threshold(
    25_000,
    "Hz",
    "The spacing of the channels that have several names.",
    "ICAO Annex 10, volume V, table 4-1 (bis).",
)

HF_OF_ALIAS = {
    # Gander Oceanic, announcement of AIRAC cycle 2108: NAT_FSS, Gander, Shanwick.
    131_900_000: 5_649_000,
    131_700_000: 8_864_000,
    131_575_000: 3_016_000,
    131_675_000: 5_616_000,
    131_775_000: 2_872_000,
    131_875_000: 4_675_000,
    131_975_000: 13_291_000,
    131_800_000: 6_547_000,
    131_450_000: 8_906_000,
    131_550_000: 2_899_000,
    131_650_000: 8_879_000,
    131_750_000: 10_021_000,
    131_850_000: 6_622_000,
    # VATPAC's procedures (vatpac-technology/sops, docs/oceanic/Positions): Brisbane Radio.
    124_650_000: 17_904_000,
    133_150_000: 6_556_000,
    132_850_000: 13_318_000,
    129_250_000: 5_634_000,
    123_650_000: 17_961_000,
    123_200_000: 3_476_000,
    # swift-project/pilotclient, issue 212: Auckland Radio.
    129_000_000: 8_867_000,
}
"""Hz: the VHF frequency that pilots tune, and the HF one that they are on then.

The voice server has more; no list of it is public. Elsewhere in the world the same VHF frequency is
a tower's, which does no harm: what is far away is not in contact.
"""


# Some three thousand channels are in use; the bound is for those who send others.
@lru_cache(maxsize=65_536)
def named_hz(frequency: int) -> int | None:
    """The name of the channel in Hz, the 25 kHz one where there are several; None: no channel."""
    if not 0 < frequency <= MAX_HZ or frequency == NO_FREQUENCY_HZ:
        return None
    if frequency < HF_BELOW_HZ:
        return (frequency + HF_GRID_HZ // 2) // HF_GRID_HZ * HF_GRID_HZ or None
    name = on_grid_hz(frequency)
    # 199.998 is 200.000 on the grid. Sent with an offset of some hertz it means none, too.
    if name == on_grid_hz(NO_FREQUENCY_HZ):
        return None
    if AIRBAND_FROM_HZ <= name < AIRBAND_TO_HZ:
        return _in_airband(name)
    return name


@lru_cache(maxsize=65_536)
def channel_hz(frequency: int) -> int | None:
    """What two radios on one channel have in common; None: the radio is on no channel.

    It is `named_hz`, and the HF frequency for a VHF alias.
    """
    name = named_hz(frequency)
    return None if name is None else HF_OF_ALIAS.get(name, name)


def _in_airband(name: int) -> int:
    beyond = name % SPACING_HZ
    if beyond == GRID_HZ:
        return name - GRID_HZ
    # Not .045 and .095: two decimals make .050 and .000 of their channels, so these name nothing.
    if beyond == SPACING_HZ - GRID_HZ and name % (2 * SPACING_HZ) < SPACING_HZ:
        return name + GRID_HZ
    return name
