"""`vatwatch keys`: make, list and revoke API keys."""

from __future__ import annotations

import sys

import click

from vatwatch.access.scopes import ABOUT, Scope
from vatwatch.cli.common import read_settings

SCOPES = [scope.value for scope in Scope]


@click.group()
def keys() -> None:
    """Make, list and revoke API keys, whether the service runs or not.

    The keys are in the database, so it must be reachable; an embedded one is started for the
    command if the service does not run. A running service knows of a change within seconds.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=(Scope.READ.value,),
    show_default=True,
    help="What it may be used for; can be given several times. "
    + " ".join(f"{scope.value}: {ABOUT[scope][0].lower()}{ABOUT[scope][1:]}" for scope in Scope),
)
@click.option(
    "--expires",
    metavar="WHEN",
    help="A time such as 2027-01-31T12:00:00Z, or after how long: 90d, 12h. [never]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
def create(name: str, scopes: tuple[str, ...], expires: str | None, as_json: bool) -> None:
    """Make a key; NAME says who uses it. The key is printed once, alone on standard output."""
    from vatwatch.cli.api_keys import create_key

    create_key(read_settings(), name, scopes, expires, as_json=as_json)


@keys.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
def list_(as_json: bool) -> None:
    """List all keys, the newest first, also those that were revoked or have expired."""
    from vatwatch.cli.api_keys import list_keys

    list_keys(read_settings(), as_json=as_json)


@keys.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
def revoke(key: str, as_json: bool) -> None:
    """Revoke a key for ever; KEY is its prefix (vw_3f2a9c11), id or name, or the whole key."""
    from vatwatch.cli.api_keys import revoke_one

    revoke_one(read_settings(), key, as_json=as_json)


@keys.command(name="hash-password")
def hash_password() -> None:
    """Print the hash of a password, for VATWATCH_OPERATOR_PASSWORD_HASH.

    The password is asked for, or read from standard input; it is never in the command line, which
    others on this machine can read.
    """
    from vatwatch.access.passwords import LEAST_PASSWORD_CHARS, MOST_PASSWORD_CHARS
    from vatwatch.access.passwords import hash_password as make_hash

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not LEAST_PASSWORD_CHARS <= len(password) <= MOST_PASSWORD_CHARS:
        raise click.ClickException(
            f"the password must have {LEAST_PASSWORD_CHARS} to {MOST_PASSWORD_CHARS} characters"
        )
    click.echo(make_hash(password).text)
