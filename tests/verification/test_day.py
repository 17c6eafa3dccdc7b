"""Some hours of simulated traffic, derived and compared as `vatwatch verify` does it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from vatsim_simulator.truth import TruthKind, TruthRecord
from vatwatch.cli import main
from vatwatch.verification.day import Verification, verify_day
from vatwatch.verification.loads import mean_error
from vatwatch.verification.report import report_json, report_text
from vatwatch.verification.results import KindResult

# Pilots, hours, seed: small worlds that differ, each with some of every movement.
WORLDS = ((80, 1.0, 3), (60, 1.5, 9), (40, 2.0, 21))


@pytest.fixture(scope="module", params=WORLDS, ids=[f"seed {world[2]}" for world in WORLDS])
def hour(request: pytest.FixtureRequest) -> Verification:
    pilots, hours, seed = request.param
    return verify_day(pilots, hours, seed)


def of_kind(verification: Verification, kind: str) -> KindResult:
    return next(one for one in verification.results if one.kind == kind)


@pytest.mark.parametrize("kind", ["take_off", "landing", "touch_and_go"])
def test_the_movements_of_an_hour_are_found_within_one_snapshot(
    hour: Verification, kind: str
) -> None:
    result = of_kind(hour, kind)
    assert result.true >= 3
    assert (result.missed, result.invented) == (0, 0), result.examples
    assert result.share_off_by(1) == 1, result.examples
    assert of_kind(hour, f"airport of {kind}").missed == 0


def test_an_hour_misses_no_aim(hour: Verification) -> None:
    assert of_kind(hour, "flights").true > 80
    assert hour.missed == []


@pytest.mark.parametrize(
    "kind", ["contact_began", "contact_ended", "sector_entered", "sector_left"]
)
def test_contacts_and_crossings_of_an_hour_are_found_within_one_snapshot(
    hour: Verification, kind: str
) -> None:
    result = of_kind(hour, kind)
    assert result.true >= 5
    assert (result.missed, result.invented) == (0, 0), result.examples
    assert result.share_off_by(1) >= 0.99, result.examples


def test_the_counts_of_airports_and_firs_are_exact_in_an_hour(hour: Verification) -> None:
    counted = [one for one in hour.results if one.kind.startswith(("airports: ", "firs: "))]
    assert len(counted) == 7
    for result in counted:
        assert result.true > 100
        assert (result.missed, result.invented) == (0, 0), result.examples
        assert result.share_off_by(1) >= 0.99


def test_the_sessions_of_an_hour_are_found_with_their_frequencies(hour: Verification) -> None:
    assert of_kind(hour, "sessions").true > 5
    for kind in ("sessions", "first frequency"):
        result = of_kind(hour, kind)
        assert (result.missed, result.invented) == (0, 0), result.examples


def test_ten_minutes_ahead_the_expected_loads_are_nearer_than_as_many_as_now(
    hour: Verification,
) -> None:
    ten = next(one for one in hour.loads if one.ahead_min == 10)
    ours, naive = mean_error(ten.errors), mean_error(ten.naive_errors)
    assert ours is not None
    assert naive is not None
    assert len(ten.loads) > 100
    assert ours < naive / 2


def test_the_same_seed_gives_the_same_results() -> None:
    assert report_json(verify_day(20, 0.2, 5)) == report_json(verify_day(20, 0.2, 5))


def test_the_report_has_a_row_for_each_kind_and_the_aims_that_were_missed(
    hour: Verification,
) -> None:
    text, told = report_text(hour), report_json(hour)
    for result in hour.results:
        assert f"| {result.kind} " in text
    assert [kind["kind"] for kind in told["kinds"]] == [one.kind for one in hour.results]
    assert told["missed_aims"] == hour.missed
    assert ("Missed aims:" in text) == bool(hour.missed)


def test_the_eta_is_nearer_the_landings_than_distance_over_speed(hour: Verification) -> None:
    half_an_hour = next(one for one in report_json(hour)["eta"] if one["lead_min"] == 30)
    assert half_an_hour["flights"] >= 3
    assert half_an_hour["median_s"] < half_an_hour["naive_median_s"] / 2
    assert "| 30 min " in report_text(hour)


def test_the_command_prints_json_and_its_exit_code_tells_of_missed_aims() -> None:
    done = CliRunner().invoke(
        main, ["verify", "--pilots", "20", "--hours", "0.1", "--seed", "2", "--json"]
    )
    told = json.loads(done.stdout)
    assert (told["pilots"], told["hours"], told["seed"], told["snapshots"]) == (20, 0.1, 2, 24)
    assert done.exit_code == (1 if told["missed_aims"] else 0)


def test_bad_options_are_refused() -> None:
    for options in (("--pilots", "0"), ("--hours", "0"), ("--seed", "one")):
        assert CliRunner().invoke(main, ["verify", *options]).exit_code == 2


def test_the_docs_have_each_kind_and_each_field_of_the_truth() -> None:
    from pathlib import Path

    text = Path("docs/accuracy.md").read_text().partition("## The truth as a file")[2]
    words = [*TruthKind, *TruthRecord.__struct_fields__]
    assert [word for word in words if f"`{word}`" not in text] == []
