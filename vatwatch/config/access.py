"""Settings: who may change anything."""

from __future__ import annotations

from typing import Annotated

import limits
from pydantic import AfterValidator, SecretStr

from vatwatch.config.section import SecretList, Section, Switch, checked, setting


def _rate(text: str) -> None:
    try:
        limits.parse(text)
    except ValueError as error:
        raise ValueError("must be a rate such as 30/minute") from error


def _keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    # Of the whole, not of each: what is wrong is told of with its value, and a key is a secret.
    for number, key in enumerate(value, 1):
        text = key.get_secret_value()
        if not text.isprintable() or " " in text:
            raise ValueError(f"number {number} has a space, a line break or a control character")
    return value


class Access(Section):
    """Who may change anything."""

    api_keys: Annotated[SecretList, AfterValidator(_keys)] = setting(
        "VATWATCH_API_KEYS",
        (),
        "Keys for what changes anything, separated by commas; none: nothing can be changed.",
        secret=True,
    )
    write_rate: Annotated[str, checked(_rate)] = setting(
        "VATWATCH_WRITE_RATE", "30/minute", "How often one key may change something."
    )
    faults: Switch = setting(
        "VATWATCH_FAULTS", False, "Whether faults may be injected: on for staging systems only."
    )
