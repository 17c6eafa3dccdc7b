"""The database: can vatwatch use it, for how many connections has it room, what is in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vatwatch.cli.examination.clocks import compare
from vatwatch.cli.examination.findings import DoctorFinding, fault, ok, warning
from vatwatch.cli.settings_check import embedded_dsn
from vatwatch.config.database import DatabaseSettings
from vatwatch.counting import counted
from vatwatch.errors import DatabaseUnavailable, SchemaRefused
from vatwatch.storage.database_look import DatabaseFacts, OptionsRefused, look_closely
from vatwatch.storage.migrate import newest_known
from vatwatch.storage.pooler import Pooler
from vatwatch.storage.reachability import name_of

CHECK, POOLER = "database", "pooler"
# Docs and tests: versions 15 and 18 (docs/operating.md).
OLDEST_TESTED = 15
# In these a name or a plan in another alphabet cannot be stored, or not be read again.
UTF8 = "UTF8"


def dsn_of(database: DatabaseSettings, home: Path) -> str | None:
    """Where the database is; None if it is embedded and does not run."""
    return embedded_dsn(home) if database.url is None else database.url.get_secret_value()


def examine_database(database: DatabaseSettings, home: Path) -> Iterator[DoctorFinding]:
    """The server itself. Its growth is the disk's matter."""
    dsn = dsn_of(database, home)
    if dsn is None:
        yield ok(CHECK, "The embedded PostgreSQL does not run; it starts with the service.")
        return
    name = name_of(dsn) if database.url is not None else "the embedded PostgreSQL"
    try:
        facts = look_closely(dsn)
    except SchemaRefused as error:
        yield fault(
            CHECK,
            f"{_capital(str(error))}.",
            "Run the version that made it, or a later "
            "one; or give this one a database of its own with DATABASE_URL.",
        )
    except OptionsRefused:
        yield _options_refused(name)
    except DatabaseUnavailable as error:
        if database.url is None:
            # A file that a killed server has left: its next start takes care of it.
            yield warning(
                CHECK,
                f"{_capital(str(error))}.",
                "Start the service: it recovers the embedded PostgreSQL, or says why it cannot.",
            )
            return
        yield fault(
            CHECK,
            f"{_capital(str(error))}.",
            "Start the server, or correct DATABASE_URL. "
            "Until then the service runs, and keeps what it fetches in the journal.",
        )
    else:
        yield from judge_database(facts, database, name)


def judge_database(
    facts: DatabaseFacts, database: DatabaseSettings, name: str
) -> Iterator[DoctorFinding]:
    """The findings from these facts; `name` is the server's for people."""
    yield ok(CHECK, f"{_capital(name)} answers: version {facts.server_version}, {_schema(facts)}.")
    yield from _use(facts)
    yield from _rights(facts)
    yield from _room(facts, database.max_connections)
    yield from _pooler(facts, name)
    if facts.pooler is Pooler.NONE or facts.time_zone == "UTC":
        yield from compare(f"that of {name}", facts.clock_ahead)


def _schema(facts: DatabaseFacts) -> str:
    ours = newest_known()
    if facts.schema is None:
        return "without tables yet, which the first start makes"
    if facts.schema == ours:
        return f"with schema {ours}, that of this version"
    return f"with schema {facts.schema}, which the next start brings up to {ours}"


def _use(facts: DatabaseFacts) -> Iterator[DoctorFinding]:
    if facts.version_number < OLDEST_TESTED * 10_000:
        yield warning(
            CHECK,
            f"PostgreSQL {facts.server_version} is older than {OLDEST_TESTED}, the oldest version "
            "that vatwatch is tested with.",
            "Upgrade the server, with pg_upgrade or from a backup (vatwatch backup).",
        )
    if facts.in_recovery:
        yield fault(
            CHECK,
            "The server is a standby, and takes no writes.",
            "Name the primary in DATABASE_URL, or both servers.",
        )
    elif facts.read_only:
        yield fault(
            CHECK,
            "The database is read-only.",
            "Set default_transaction_read_only to off for this database and user, and check "
            "whether the server's disk is full.",
        )
    if facts.encoding != UTF8:
        yield fault(
            CHECK,
            f"The database has the encoding {facts.encoding}: names and plans with other letters "
            "cannot be stored, and each snapshot with one is quarantined.",
            "Make a database with ENCODING 'UTF8' TEMPLATE template0, and move the data there.",
        )
    if facts.time_zone != "UTC":
        yield fault(
            CHECK,
            f"Sessions have the time zone {facts.time_zone}, though vatwatch asks for UTC: days "
            "of positions would begin at the wrong time.",
            "ALTER DATABASE … SET timezone = 'UTC', or let DATABASE_URL lead to PostgreSQL itself: "
            "a pooler that ignores the options of sessions loses it.",
        )


def _rights(facts: DatabaseFacts) -> Iterator[DoctorFinding]:
    if facts.schema_name is None:
        yield fault(
            CHECK,
            "There is no schema to make tables in: search_path names none that exists.",
            "CREATE SCHEMA, or correct search_path of this user or in DATABASE_URL.",
        )
    elif not facts.may_create:
        yield fault(
            CHECK,
            f"This user may not make tables in the schema {facts.schema_name}: each "
            "day of positions has its own.",
            f"GRANT CREATE ON SCHEMA {facts.schema_name} TO this user, or make it the owner "
            "of the database.",
        )
    if not facts.may_make_temporary:
        yield fault(
            CHECK,
            "This user may not make temporary tables, through which each snapshot is written.",
            "GRANT TEMPORARY ON DATABASE … TO this user.",
        )
    if facts.tables_denied:
        names = ", ".join(facts.tables_denied[:3]) + ", …" * (len(facts.tables_denied) > 3)
        yield fault(
            CHECK,
            f"This user may not write and change "
            f"{counted(len(facts.tables_denied), 'table')} of vatwatch: {names}.",
            "Connect as the user who owns them, or give them to this one: REASSIGN OWNED.",
        )


def _room(facts: DatabaseFacts, wanted: int) -> Iterator[DoctorFinding]:
    """The service's own connections count, whether it runs already or not."""
    room = facts.connections_free + facts.connections_ours
    if room >= wanted:
        yield ok(
            CHECK, f"It has room for {counted(room, 'connection')}; vatwatch uses up to {wanted}."
        )
        return
    yield (fault if room < 3 else warning)(
        CHECK,
        f"It has room for {counted(max(0, room), 'connection')}, and vatwatch uses up to {wanted} "
        f"(max_connections is {facts.connections_max}).",
        "Lower DATABASE_MAX_CONNECTIONS, raise max_connections or the user's CONNECTION LIMIT, or "
        "find out who has the others: SELECT * FROM pg_stat_activity.",
    )


def _pooler(facts: DatabaseFacts, name: str) -> Iterator[DoctorFinding]:
    around = (
        "Let DATABASE_URL lead to PostgreSQL itself, or set pool_mode = session for this "
        "database in the pooler."
    )
    match facts.pooler:
        case Pooler.NONE:
            yield ok(POOLER, f"No pooler stands between vatwatch and {name}.")
        case Pooler.SESSION:
            yield ok(
                POOLER,
                f"A pooler in session mode stands between vatwatch and {name}; its "
                "pool must have DATABASE_MAX_CONNECTIONS.",
            )
        case Pooler.TRANSACTION | Pooler.STATEMENT:
            yield fault(
                POOLER,
                f"A pooler in {facts.pooler.value} mode stands between vatwatch and {name}: a "
                "session changes its server, so its temporary tables and settings are lost.",
                around,
            )
        case Pooler.UNKNOWN:
            yield warning(
                POOLER,
                f"A pooler stands between vatwatch and {name}; its mode cannot be told, as it has "
                "no second connection to spare.",
                f"Give its pool DATABASE_MAX_CONNECTIONS. {around}",
            )


def _options_refused(name: str) -> DoctorFinding:
    return fault(
        POOLER,
        f"{_capital(name)} refuses the options of vatwatch's sessions (time zone, time limit), and "
        "takes others: it is a pooler.",
        "Let DATABASE_URL lead to PostgreSQL itself. Or let pgbouncer, in session mode, ignore "
        "them (ignore_startup_parameters = options), after ALTER DATABASE … SET timezone = 'UTC'.",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
