"""Settings: how far stations are heard, and which channels are everybody's."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, PositiveFloat

from vatwatch.config.section import Section, TextList, setting

# Of airband and of HF, to the hertz.
_MEGAHERTZ = re.compile(r"\d{1,3}(\.\d{1,6})?", re.ASCII)


def _megahertz(value: tuple[str, ...]) -> tuple[str, ...]:
    """None of them for `off`."""
    if len(value) == 1 and value[0].lower() == "off":
        return ()
    for one in value:
        if _MEGAHERTZ.fullmatch(one) is None or not float(one):
            raise ValueError(
                f"must be frequencies in MHz, such as 122.800, or off: {one!r} is none"
            )
    return value


def _range(name: str, default_nm: float, why: str) -> PositiveFloat:
    return setting(  # type: ignore[no-any-return]
        f"VATWATCH_RANGE_{name}_NM",
        default_nm,
        why,
        unit="nm",
        reload=True,
        # Half of the way around the earth is as far as anything can be away.
        usual=(1, 10_800),
    )


class ContactSettings(Section):
    """Who is taken to talk to whom: radios on one channel, within range and over the horizon."""

    delivery_nm: PositiveFloat = _range(
        "DEL", 15.0, "How far delivery is heard: whoever talks to it stands at the airport."
    )
    ground_nm: PositiveFloat = _range(
        "GND", 15.0, "How far ground is heard: whoever talks to it is at the airport."
    )
    tower_nm: PositiveFloat = _range(
        "TWR", 15.0, "How far tower is heard: at the airport and on its final."
    )
    approach_nm: PositiveFloat = _range(
        "APP", 60.0, "How far approach and departure are heard: up to the edge of their area."
    )
    centre_nm: PositiveFloat = _range(
        "CTR", 400.0, "How far a centre is heard: beyond the horizon of the highest aircraft."
    )
    flight_service_nm: PositiveFloat = _range(
        "FSS", 1_000.0, "How far a flight service station is heard: over oceans and deserts."
    )
    excluded: Annotated[TextList, AfterValidator(_megahertz)] = setting(
        "VATWATCH_CONTACT_EXCLUDED",
        ("122.800", "121.500"),
        "Frequencies in MHz, separated by commas, that make no contact, in any spelling of the "
        "channel: on UNICOM is everybody without a controller, and many listen to guard. `off` "
        "leaves out none.",
        reload=True,
    )
