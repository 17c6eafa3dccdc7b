"""Shows settings to people: masked, on one line; and describes what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from vatwatch.config.addresses import masked
from vatwatch.redaction import LONG, MASK, parts_of_address

# Characters of a value that are shown: enough to recognize it.
MOST_CHARS = 120
# With one of these, an address may have a password in an unusual place.
_MAY_HIDE = frozenset("@?#%")
_UNITS = {"s": "seconds", "ms": "milliseconds", "h": "hours", "d": "days", "MiB": "MiB"}


def is_secret(field: FieldInfo) -> bool:
    """Whether the value has a secret in it."""
    return _extra(field, "secret") is True or _mentions(field.annotation, SecretStr)


def is_reloadable(field: FieldInfo) -> bool:
    """Whether a changed value takes effect while the service runs."""
    return _extra(field, "reload") is True


def unit_of(field: FieldInfo) -> str:
    """Of a number: `s`, `MiB`; "" without one."""
    return str(_extra(field, "unit") or "")


def usual_of(field: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the most that is meant as a rule; None: no bound."""
    found = _extra(field, "usual")
    return (found[0], found[1]) if isinstance(found, tuple) else (None, None)


def shown(value: object, field: FieldInfo) -> str:
    """A value in force: addresses without passwords, keys only counted."""
    if isinstance(value, tuple | list):
        if is_secret(field):
            return f"{len(value)} hidden" if value else ""
        if not value and field.default:
            return "off"
        return one_line(", ".join(masked(one) if "://" in one else one for one in map(str, value)))
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return "" if field.default is None else "off"
    if _extra(field, "secret") is True:
        return MASK
    if isinstance(value, bool):
        return "on" if value else "off"
    text = str(value).removesuffix(".0") if isinstance(value, float) else str(value)
    return one_line(masked(text) if "://" in text else text)


def shown_wrong(value: object, field: FieldInfo) -> str:
    """A refused value; nothing is shown if it may contain a secret."""
    if is_secret(field):
        return MASK
    text = str(value)
    return one_line(MASK if "://" in text and _MAY_HIDE.intersection(text) else text)


def one_line(text: str) -> str:
    """The text, cut, with unprintable characters escaped."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"


def explain(error: Any, field: FieldInfo) -> str:
    """One of pydantic's errors, as a sentence about the setting."""
    return f"{field.alias}={shown_wrong(error['input'], field)}: {_must_be(error, field)}"


def _must_be(error: Any, field: FieldInfo) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    unit = _UNITS.get(unit_of(field), "")
    of_unit = f" of {unit}" if unit else ""
    match kind:
        case "value_error":
            return str(context["error"])
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return f"must be a whole number{of_unit}"
        case "float_parsing" | "float_type" | "finite_number":
            return f"must be a number{of_unit}"
        case "greater_than":
            return f"must be more than {context['gt']:g}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "literal_error":
            return f"must be {context['expected'].replace(chr(39), '')}"
        case "string_unicode":
            return "must be text in UTF-8"
        case "string_type" | "path_type":
            return "must be a text"
        case _:
            return f"is not what it must be ({kind})"


def secrets_in(values: Iterable[object]) -> Iterator[str]:
    """All secrets in these values: passwords of addresses, keys, tokens.

    `values`: of all settings that contain, or may contain, a secret.
    """
    for value in values:
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple | list):
            yield from secrets_in(value)
        elif isinstance(value, str) and "://" in value:
            yield from parts_of_address(value)
        elif isinstance(value, str):
            yield from (value, *(one.strip() for one in value.split(",")))


def keys_in(values: Iterable[object]) -> Iterator[str]:
    """These values, which are secrets as a whole, whatever they look like, and each of a list."""
    for value in values:
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple | list):
            yield from keys_in(value)
        elif value is not None:
            yield from (str(value), *(one.strip() for one in str(value).split(",")))


def secrets_of_webhooks(urls: Iterable[str]) -> Iterator[str]:
    """The secret part of an address that is a secret itself: everything behind its host."""
    for url in urls:
        yield from parts_of_address(url)
        path = url.partition("://")[2].partition("/")[2].partition("?")[0]
        yield from (part for part in (path, *path.split("/")) if len(part) >= LONG)


def _extra(field: FieldInfo, name: str) -> object:
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def _mentions(annotation: object, kind: type) -> bool:
    return annotation is kind or any(_mentions(one, kind) for one in get_args(annotation))
