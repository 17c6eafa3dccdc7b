"""Weather or bug: what an error of PostgreSQL means for the caller.

The rule, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html):

WEATHER   the connection fails or ends; the server stops, starts, or is a standby; it lacks
          resources; a time limit was reached; it does not let us in. The same again later.
CONFLICT  another transaction was in the way. The same again at once.
BROKEN    a statement that PostgreSQL cannot understand or may not run, whatever the values are, or
          files of the cluster that are damaged. A bug, or a broken schema: reported, and tried
          again later until somebody mends it.
DATA      anything else. A bug, too: counted against the snapshot that was in hand.

So an error that would hit every snapshot alike costs none of them, and one that a snapshot's own
values can cause is counted against that snapshot. An unknown code is DATA: a snapshot that is
retried without end would stop all later ones.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import errorcodes as codes

if TYPE_CHECKING:
    from psycopg2.extensions import Diagnostics


class Verdict(Enum):
    """What an error means; the module's docstring has the rule."""

    WEATHER = "weather"
    CONFLICT = "conflict"
    BROKEN = "broken"
    DATA = "data"


# Whole classes of SQLSTATE, by their first two characters.
_CLASSES: dict[str, Verdict] = {
    codes.CLASS_CONNECTION_EXCEPTION: Verdict.WEATHER,  # 08
    codes.CLASS_INSUFFICIENT_RESOURCES: Verdict.WEATHER,  # 53
    # At the start of a session: no password, a wrong one, no such database. An operator must fix
    # it.
    codes.CLASS_INVALID_AUTHORIZATION_SPECIFICATION: Verdict.WEATHER,  # 28
    codes.CLASS_INVALID_CATALOG_NAME: Verdict.WEATHER,  # 3D
    codes.CLASS_TRANSACTION_ROLLBACK: Verdict.CONFLICT,  # 40: deadlock, serialization
    # PostgreSQL finds these before it looks at a value: syntax, names, rights, types.
    codes.CLASS_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION: Verdict.BROKEN,  # 42
    codes.CLASS_INVALID_SCHEMA_NAME: Verdict.BROKEN,  # 3F
    codes.CLASS_FEATURE_NOT_SUPPORTED: Verdict.BROKEN,  # 0A
    codes.CLASS_INVALID_TRANSACTION_STATE: Verdict.BROKEN,  # 25
    codes.CLASS_INVALID_SQL_STATEMENT_NAME: Verdict.BROKEN,  # 26
    codes.CLASS_OBJECT_NOT_IN_PREREQUISITE_STATE: Verdict.BROKEN,  # 55
    # The server's own files: each snapshot goes through the same ones.
    codes.CLASS_SYSTEM_ERROR: Verdict.BROKEN,  # 58
    codes.CLASS_CONFIGURATION_FILE_ERROR: Verdict.BROKEN,  # F0
    # The server stops, starts, was told to cancel (our own time limit does that), drops us.
    codes.CLASS_OPERATOR_INTERVENTION: Verdict.WEATHER,  # 57
}
# Single codes that differ from their class.
_CODES: dict[str, Verdict] = {
    codes.READ_ONLY_SQL_TRANSACTION: Verdict.WEATHER,  # 25006: we are at a standby
    codes.IDLE_IN_TRANSACTION_SESSION_TIMEOUT: Verdict.WEATHER,  # 25P03
    "25P04": Verdict.WEATHER,  # transaction_timeout, from version 17 on
    codes.LOCK_NOT_AVAILABLE: Verdict.CONFLICT,  # 55P03
    codes.DATA_CORRUPTED: Verdict.BROKEN,  # XX001
    codes.INDEX_CORRUPTED: Verdict.BROKEN,  # XX002
}


def judge(error: psycopg2.Error, *, closed: bool) -> Verdict:
    """Judge an error. `closed`: the connection is dead, or there has never been one."""
    return judge_code(error.pgcode, closed=closed, operational=_is_operational(error))


def judge_code(sqlstate: str | None, *, closed: bool, operational: bool) -> Verdict:
    """The rule itself. Without a `sqlstate` nothing came from the server: then a connection that
    is dead, or an error of operation (`OperationalError`), is weather, and the rest is not."""
    if sqlstate is None:
        return Verdict.WEATHER if closed or operational else Verdict.DATA
    known = _CODES.get(sqlstate) or _CLASSES.get(sqlstate[:2], Verdict.DATA)
    # The last message of a server that goes down may be anything.
    return Verdict.WEATHER if closed and known is Verdict.DATA else known


def said(error: psycopg2.Error) -> str:
    """What the server said, in one line, with its code: `column "x" does not exist (42703)`.

    Without the lines that quote the statement and its values.
    """
    diag: Diagnostics = error.diag
    text = diag.message_primary or str(error).strip().partition("\n")[0]
    return f"{text} ({error.pgcode})" if error.pgcode else text


def _is_operational(error: psycopg2.Error) -> bool:
    return isinstance(error, psycopg2.OperationalError)
