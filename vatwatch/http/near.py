"""Near matches: which known name was probably meant, and the error for an unknown name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from vatwatch.http.audit import printable
from vatwatch.http.problems import BadRequest

# Length of an unknown name; a longer one is not a typing error.
SHOWN_CHARS = 60


def near_match(given: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to `given`, in any case of letters; None if none is
    similar."""
    by_key = {name.lower(): name for name in known}
    # difflib's time grows with the square of the length.
    close = get_close_matches(given[:100].lower(), by_key, n=1)
    return by_key[close[0]] if close else None


def unknown_name(kind: str, given: str, known: Collection[str]) -> BadRequest:
    """The error for a name that is not one of the `known`; `kind` is `parameter` or `field`."""
    close = near_match(given, known)
    if close is not None:
        hint = f'did you mean "{close}"?'
    elif len(known) == 1:
        hint = f"the only one is {next(iter(known))}."
    elif known:
        hint = f"there are {', '.join(known)}."
    else:
        hint = "this endpoint takes none."
    shown = printable(given[:SHOWN_CHARS])
    return BadRequest(
        f"Unknown {kind}",
        f'There is no {kind} "{shown}"; {hint}',
        did_you_mean=close,
        **{kind: shown},
    )


def unknown_value(parameter: str, what: str, given: str, known: Iterable[str]) -> BadRequest:
    """The error for a value that names nothing: `what` it should name, such as `known FIR`."""
    close = near_match(given, known)
    hint = "" if close is None else f' Did you mean "{close}"?'
    shown = printable(given[:SHOWN_CHARS])
    return BadRequest(
        "Invalid parameter",
        f'The parameter "{parameter}" names no {what}: {shown}.{hint}',
        parameter=parameter,
        did_you_mean=close,
    )
