"""The truth's lines, as the account that the derivation is held against."""

from __future__ import annotations

from tests.verification.build import at
from vatsim_simulator.truth import TruthKind, TruthRecord
from vatwatch.verification.accounts import Account, Stay
from vatwatch.verification.told import told_account

CID, CALLSIGN = 4_000_001, "BAW1"
FIRST, END = at(0), at(3_600)


def of_flight(kind: TruthKind, seconds: float, **rest: object) -> TruthRecord:
    record = {"callsign": CALLSIGN, "flight": 1, **rest}
    return TruthRecord(kind=kind, time=at(seconds), cid=CID, **record)  # type: ignore[arg-type]


def of_session(kind: TruthKind, seconds: float, **rest: object) -> TruthRecord:
    record = {"callsign": "EGLL_TWR", "session": 5, **rest}
    return TruthRecord(kind=kind, time=at(seconds), cid=CID, **record)  # type: ignore[arg-type]


def told(*records: TruthRecord) -> Account:
    return told_account(records, FIRST, END)


def test_a_flight_is_there_from_each_connection_to_its_loss() -> None:
    (flight,) = told(
        of_flight(TruthKind.FLIGHT_BEGAN, 10),
        of_flight(TruthKind.DROP, 100),
        of_flight(TruthKind.RECONNECT, 200),
        of_flight(TruthKind.DROP, 300),
        of_flight(TruthKind.RETURN, 2_000, callsign="BAW2"),
        of_flight(TruthKind.FLIGHT_ENDED, 3_000),
    ).flights
    assert flight.stays == (
        Stay(CID, CALLSIGN, at(10), at(100)),
        Stay(CID, CALLSIGN, at(200), at(300)),
        Stay(CID, "BAW2", at(2_000), at(3_000)),
    )


def test_a_flight_that_goes_on_is_there_until_the_end() -> None:
    (flight,) = told(of_flight(TruthKind.FLIGHT_BEGAN, 10)).flights
    assert flight.stays == (Stay(CID, CALLSIGN, at(10), END),)


def test_another_callsign_on_the_same_connection_is_the_same_flight() -> None:
    (flight,) = told(
        of_flight(TruthKind.FLIGHT_BEGAN, 10), of_flight(TruthKind.RENAME, 50, callsign="BAW2")
    ).flights
    assert [one.callsign for one in flight.stays] == [CALLSIGN, "BAW2"]


def diverted(*records: TruthRecord, planned: str = "EGLL", rules: str = "I") -> bool:
    began = of_flight(
        TruthKind.FLIGHT_BEGAN, -100, departure="EDDF", arrival=planned, flight_rules=rules
    )
    return told(began, *records).flights[0].diverted


def test_a_diversion_is_a_landing_at_another_airport_than_planned() -> None:
    assert not diverted(of_flight(TruthKind.LANDING, 100, airport="EGLL"))
    assert diverted(of_flight(TruthKind.LANDING, 100, airport="EGKK"))
    amended = of_flight(TruthKind.PLAN, 50, arrival="EGKK")
    landing = of_flight(TruthKind.LANDING, 100, airport="EGKK")
    assert diverted(of_flight(TruthKind.TAKE_OFF, 20), amended, landing)
    # On the ground it is another plan, and no diversion.
    assert not diverted(amended, of_flight(TruthKind.TAKE_OFF, 70), landing)


def test_a_plan_that_was_amended_before_anybody_looked_is_the_plan() -> None:
    assert not diverted(
        of_flight(TruthKind.PLAN, -50, arrival="EGKK"),
        of_flight(TruthKind.LANDING, 100, airport="EGKK"),
    )


def test_a_plan_that_is_filed_in_the_air_can_be_diverted_from() -> None:
    assert diverted(
        of_flight(TruthKind.TAKE_OFF, 10),
        of_flight(TruthKind.PLAN, 20, arrival="EGLL"),
        of_flight(TruthKind.PLAN, 50, arrival="EGKK"),
        of_flight(TruthKind.LANDING, 100, airport="EGKK"),
        planned="",
    )


def test_no_diversion_without_a_plan_by_eye_or_off_airport() -> None:
    elsewhere = of_flight(TruthKind.LANDING, 100, airport="EGKK")
    assert not diverted(elsewhere, planned="")
    assert not diverted(elsewhere, planned="ZZZZ")
    assert not diverted(elsewhere, rules="V")
    assert not diverted(of_flight(TruthKind.LANDING, 100, airport="off_airport"))


def test_a_session_counts_its_time_with_a_frequency_apart() -> None:
    (session,) = told(
        of_session(TruthKind.SESSION_BEGAN, 0),
        of_session(TruthKind.FREQUENCY, 100, frequency_hz=118_500_000),
        of_session(TruthKind.SESSION_DROP, 1_100),
        of_session(TruthKind.SESSION_RECONNECT, 1_400),
        of_session(TruthKind.FREQUENCY, 1_500),
        of_session(TruthKind.FREQUENCY, 1_600, frequency_hz=121_900_000),
        of_session(TruthKind.SESSION_ENDED, 2_000),
    ).sessions
    assert session.connected_s == 1_100 + 600
    # Until the connection fell; from the return until the frequency went; and after that.
    assert session.controlling_s == 1_000 + 100 + 400
    assert session.first_frequency_hz == 118_500_000


def test_an_atis_is_letters_and_no_session() -> None:
    account = told(
        of_session(TruthKind.SESSION_BEGAN, 0, callsign="EGLL_ATIS"),
        of_session(TruthKind.ATIS, 0, callsign="EGLL_ATIS", letter="A"),
        of_session(TruthKind.ATIS, 1_800, callsign="EGLL_ATIS", letter="B"),
    )
    assert account.sessions == ()
    assert [(one.letter, one.time) for one in account.letters] == [("A", at(0)), ("B", at(1_800))]


def test_when_a_slewed_aircraft_is_off_block_is_unclear() -> None:
    account = told(
        of_flight(TruthKind.FLIGHT_BEGAN, 10),
        of_flight(TruthKind.SLEW, 100, airport="EGLL"),
        of_flight(TruthKind.OFF_BLOCK, 200, airport="EGLL"),
        of_flight(TruthKind.TAKE_OFF, 300, airport="EGLL"),
        of_flight(TruthKind.SLEW, 900),
    )
    assert [one.kind for one in account.happenings] == ["take_off"]
    assert [(one.kind, one.time) for one in account.unclear] == [
        ("off_block", at(100)),
        ("off_block", at(200)),
    ]
