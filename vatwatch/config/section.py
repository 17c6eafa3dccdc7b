"""The building blocks of the sections: the base class, `setting`, and shared types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

# A larger number is a typing error, and fails where it is used. PostgreSQL and poll() take a
# time as milliseconds in 31 bits: 24 days. A hundred years of hours or days can still be reckoned
# with. A thousand million of anything, or a pebibyte, is more than any machine has.
_MOST: dict[str, float] = {"s": 2e6, "ms": 2e9, "h": 876_000, "d": 36_500, "MiB": 2**30, "": 1e9}
# Less is a misspelt number, too: no machine, disk or network answers within a microsecond, and what
# is due as often would leave no time for anything else. (What is kept may be kept for no time.)
_LEAST: dict[str, float] = {"s": 0.001, "ms": 0.001, "MiB": 0.001}
# What is so many times as much as the default, or as little, is hardly ever meant.
_UNUSUAL = 100


class Section(BaseModel):
    """The settings of one part; made from a mapping of the environment's names to values."""

    # No setting may be infinite: that is a typing error. Pydantic's own error text quotes the
    # value, which may be a secret.
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=False,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def setting(
    name: str,
    default: Any,
    why: str,
    *,
    unit: str = "",
    secret: bool = False,
    reload: bool = False,
    usual: tuple[float | None, float | None] | None = None,
    **limits: Any,
) -> Any:
    """A field: its name in the environment, its default, its unit, and why it is there.

    Args:
        name: its name in the environment
        default: its value if no source has it
        why: what it is for, as the documentation says it
        unit: of a number, which has the largest value that its unit allows, unless `limits` say
            less
        secret: nothing of its value is ever shown, not even of a wrong one (an address is shown
            without its password)
        reload: whether a changed value takes effect while the service runs (else at a restart);
            then every actor that uses it must handle `SettingsChanged`
        usual: of a number, the least and the most that is meant as a rule (None: no bound); beyond
            it, it is taken with a warning. If it is not given: a hundredth and the hundredfold of
            the default, but no least where 0 has a meaning, and no most of what is kept in a table
        limits: of a number, as pydantic's `Field` has them; what is beyond them is refused
    """
    if unit or (isinstance(default, int | float) and not isinstance(default, bool)):
        limits.setdefault("le", _MOST.get(unit, _MOST[""]))
        if unit in _LEAST and not isinstance(default, int):
            limits.setdefault("ge", _LEAST[unit])
        if usual is None and default is not None:
            usual = (
                None if limits.get("ge") == 0 else default / _UNUSUAL,
                None if unit in ("h", "d") else default * _UNUSUAL,
            )
    extra: dict[str, Any] = {"unit": unit, "secret": secret, "reload": reload, "usual": usual}
    return Field(default, alias=name, description=why, json_schema_extra=extra, **limits)


def checked(rule: Callable[[str], None]) -> AfterValidator:
    """A text, secret or not, that `rule` accepts; it raises ValueError with the expected form."""

    def check(value: Any) -> Any:
        rule(value.get_secret_value() if isinstance(value, SecretStr) else value)
        return value

    return AfterValidator(check)


def on_disk(rule: Callable[[Path], Path]) -> AfterValidator:
    """A path that `rule` accepts, as it returns it; an error of the system is a fault, too.

    (In a directory that others may not enter, we cannot even ask whether a path exists.)
    """

    def check(value: Path) -> Path:
        try:
            return rule(value)
        except OSError as error:
            raise ValueError(f"cannot be looked at ({refusal_of(error)})") from None

    return AfterValidator(check)


def refusal_of(error: OSError) -> str:
    """The system's reason for refusing something, without a path."""
    return (error.strerror or type(error).__name__).lower()


def _switch(value: object) -> object:
    if isinstance(value, bool):
        return value
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    found = words.get(str(value).strip().lower()) if isinstance(value, str | int) else None
    if found is None:
        raise ValueError("must be on or off")
    return found


def listed(value: object) -> list[str]:
    """Texts separated by commas, or a list of texts as TOML has it. Raises ValueError."""
    if isinstance(value, str):
        found = [one.strip() for one in value.split(",") if one.strip()]
        if not found:
            raise ValueError("is a list without values")
        return found
    if not isinstance(value, list | tuple) or not all(
        isinstance(one, str) and one.strip() for one in value
    ):
        raise ValueError("must be a text, or a list of texts that are not empty")
    return [one.strip() for one in value]


Switch = Annotated[bool, BeforeValidator(_switch)]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(listed)]
TextList = Annotated[tuple[str, ...], BeforeValidator(listed)]


def printable(text: str) -> None:
    """Check that there are no line breaks or other control characters. Raises ValueError."""
    if not text.isprintable():
        raise ValueError("must be one line, without control characters")
