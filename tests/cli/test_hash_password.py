"""`vatwatch keys hash-password`: the hash alone is printed, as the settings take it."""

from __future__ import annotations

from click.testing import CliRunner

from vatwatch.access.passwords import read_hash
from vatwatch.cli import main


def test_a_line_of_standard_input_is_hashed() -> None:
    done = CliRunner().invoke(main, ["keys", "hash-password"], input="correct horse ✈ battery\r\n")
    assert done.exit_code == 0
    assert read_hash(done.stdout.rstrip("\n")).fits("correct horse ✈ battery")
    assert "horse" not in done.output


def test_a_short_password_is_refused() -> None:
    for given in ("", "short\n", "a" * 1025):
        done = CliRunner().invoke(main, ["keys", "hash-password"], input=given)
        assert done.exit_code == 1
        assert "characters" in done.output
        assert "scrypt" not in done.output
