"""The lock of the process that collects: can it be kept where DATABASE_LOCK_URL leads?"""

from __future__ import annotations

from collections.abc import Iterator

from vatwatch.cli.examination.findings import DoctorFinding, fault, ok
from vatwatch.config.database import DatabaseSettings
from vatwatch.errors import DatabaseUnavailable, SchemaRefused
from vatwatch.storage.collector_lock import too_old
from vatwatch.storage.database_look import OptionsRefused, look_closely
from vatwatch.storage.pooler import Pooler
from vatwatch.storage.reachability import name_of

CHECK = "lock"
ADVICE = "Let DATABASE_LOCK_URL lead to PostgreSQL itself. Until then no process collects."


def examine_lock(database: DatabaseSettings) -> Iterator[DoctorFinding]:
    """The way to the lock, if it is not that to the database."""
    if database.is_embedded or database.lock_url is None:
        return
    dsn = database.lock_url.get_secret_value()
    name = name_of(dsn)
    try:
        facts = look_closely(dsn)
    except SchemaRefused:
        return  # the look at the database says so
    except OptionsRefused:
        text = (
            f"{name} refuses the options of vatwatch's sessions, and takes others: it is a pooler."
        )
        yield fault(CHECK, text, ADVICE)
    except DatabaseUnavailable as error:
        yield fault(CHECK, f"DATABASE_LOCK_URL: {error}.", ADVICE)
    else:
        refusal = too_old(facts.version_number)
        if refusal:
            yield fault(CHECK, f"{name} {refusal}.", ADVICE)
        elif facts.in_recovery:
            yield fault(CHECK, f"{name} is a standby.", "Name the primary in DATABASE_LOCK_URL.")
        elif facts.pooler not in (Pooler.NONE, Pooler.SESSION):
            mode = "" if facts.pooler is Pooler.UNKNOWN else f" in {facts.pooler.value} mode"
            text = (
                f"A pooler{mode} stands between vatwatch and {name}: a lock through it is nobody's."
            )
            yield fault(CHECK, text, ADVICE)
        else:
            yield ok(CHECK, f"The lock of the process that collects can be kept at {name}.")
