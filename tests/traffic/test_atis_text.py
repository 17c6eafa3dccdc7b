"""What an ATIS says: texts of many countries, single wordings, and texts that mean harm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.traffic.atis_runways import MAX_RUNWAYS
from vatwatch.traffic.atis_text import HIGHEST_QNH_MB, LOWEST_QNH_MB, read_atis
from vatwatch.traffic.atis_words import LETTERS, MAX_LENGTH, MAX_QUOTE, words_of

# As stations sent them, each with what a person reads in it.
TEXTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "atis_texts.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("given", TEXTS, ids=[one["callsign"] for one in TEXTS])
def test_a_text_says_what_a_person_reads_in_it(given: dict[str, Any]) -> None:
    said = read_atis(given["callsign"], given["text"])
    assert said.kind == given["kind"]
    assert said.letter == given["letter"]
    assert " ".join(said.departure_runways or ()) == given["departure"]
    assert " ".join(said.arrival_runways or ()) == given["arrival"]
    assert said.qnh_mb == given["qnh_mb"]


def runways(text: str, callsign: str = "EXXX_ATIS") -> tuple[str, str]:
    said = read_atis(callsign, text.split("\n"))
    return " ".join(said.departure_runways or ()), " ".join(said.arrival_runways or ())


@pytest.mark.parametrize(
    ("text", "departure", "arrival"),
    [
        # ATCISS#1067, VR#873: each country in its own words
        ("ARRIVALS EXPECT ILS RWY 29 APCH. DEPG RWY 29.", "29", "29"),
        ("LDG RY 19, DEPTG RY 24..", "24", "19"),
        ("ILS 33L, DEPTG 15R.", "15R", "33L"),
        ("RUNWAY IN USE 2 5, TRANSITION LEVEL", "25", "25"),
        ("RUNWAY TWO ONE IN USE", "21", "21"),
        ("RWY ZERO 9 IN USE", "09", "09"),
        ("RWYS IN USE 14L/R", "14L 14R", "14L 14R"),
        ("LANDING 26 RIGHT AND 26 LEFT. DEPARTING RWY 26 LEFT", "26L", "26R 26L"),
        ("RUNWAY 31 FOR ARRIVAL , RUNWAY 04 FOR DEPARTURE", "04", "31"),
        ("RUNWAY IN USE FOR LANDING 15 AND TAKEOFF 23..", "23", "15"),
        ("MAIN LANDING RUNWAY 27.. MAIN DEPARTING RUNWAY 24..", "24", "27"),
        ("LANDING RUNWAY 26 LEFT AND 27 RIGHT, TAKEOFF RUNWAY 26 RIGHT", "26R", "26L 27R"),
        ("RUNWAY 25 IN USE FOR LANDING AND TAKE OFF TRL 60", "25", "25"),
        ("RUNWAY 25 IN USE FOR LANDING AND TAKE-OFF", "25", "25"),
        ("[RWY] 34L FOR ARRS, 34R FOR DEPS\n[WIND] 010/15", "34R", "34L"),
        ("[RWY] 16L AND R FOR ARRS AND DEPS", "16L 16R", "16L 16R"),
        ("[RWY] DEP 23 ARR 05\n[WIND] 080/5", "23", "05"),
        ("(APCH)ILS Z RWY34 USING RWY 34 DEP FREQ 121.4", "34", "34"),
        ("ACTIVE RUNWAY 36R. EXPECT ILS Z RUNWAY 36R APPROACH.", "36R", "36R"),
        ("RUNWAYS IN USE 18 25C 25L AND 25R TRL 60", "18 25C 25L 25R", "18 25C 25L 25R"),
        ("LDG/DEP RWY 23", "23", "23"),
        ("LANDING RWY 05, T/O RWY 06", "06", "05"),
        ("DEP: 23R ARR: 23L", "23R", "23L"),
        ("PISTE EN SERVICE 26", "26", "26"),
        ("ATTERRISSAGE PISTE 26R, DECOLLAGE PISTE 27L", "27L", "26R"),
        ("PISTA EN USO 24", "24", "24"),
        ("ATERRIZAJES PISTA 18L, DESPEGUES PISTA 14L", "14L", "18L"),
        # `in use` beside what is said of one of both
        ("ILS RWY 26 IN USE. DEP RWY 19R.", "19R", "26"),
        # they circle: the approach goes to another end than the one in use
        ("RWY 26, EXP RNP APCH RWY 08, TRANSITION LEVEL 160", "26", "26"),
        # an approach is in use, and nothing is said of departures
        ("ILS RWY 21L APP IN USE..", "", "21L"),
        ("RWY 17 VIS AND ILS APPR IN USE", "", ""),
        # spoken of, and not in use
        ("RUNWAY 28 RIGHT CLOSED", "", ""),
        ("ARRIVAL RWY 07R. RWY 07C IS CLOSED FOR MAINTENANCE.", "", "07R"),
        ("LANDING RWY 25R/07L CLOSED", "", ""),
        ("BIRDS IN THE VICINITY OF RUNWAY 25, CAUTION WHEN LANDING", "", ""),
        ("AFTER LANDING HOLD SHORT OF RUNWAY 25L", "", ""),
        ("EXPECT ILS APPROACH. DO NOT MISTAKE TWY MIKE FOR RWY 25C", "", ""),
        ("RWY 26 SCC 5 5 5 ISSUED AT 0907. RWY 100 PCT WET.", "", ""),
        ("DEPARTURE FREQUENCY 125.300 RWY 27 WET", "", ""),
        ("HEAVY AIRCRAFT EXPECT RWY 8R FOR DEPARTURE", "", ""),
        ("RUNWAY IN USE TRANSITION LEVEL 65", "", ""),
        ("LANDING RWY 37 AND 0 AND 99", "", ""),
        ("ILS 10 KNOTS, LANDING 15 MINUTES LATE", "", ""),
        ("WIND 250 DEGREES 12 KNOTS", "", ""),
    ],
)
def test_runways_are_those_that_are_said_to_be_in_use(
    text: str, departure: str, arrival: str
) -> None:
    assert runways(text) == (departure, arrival)


def test_a_station_for_arrivals_says_nothing_of_departures_by_a_runway_in_use() -> None:
    assert runways("RUNWAY IN USE 22R", "EXXX_A_ATIS") == ("", "22R")
    assert runways("RUNWAY IN USE 22R", "EXXX_D_ATIS") == ("22R", "")
    assert runways("DEPARTURE RUNWAY 26. ARRIVAL RUNWAY 30", "EXXX_D_ATIS") == ("26", "30")


@pytest.mark.parametrize(
    ("callsign", "text", "kind"),
    [
        ("EXXX_ATIS", "", "both"),
        ("EXXX_A_ATIS", "", "arrival"),
        ("EXXX_D_ATIS", "", "departure"),  # QS#148, ATCISS#42
        ("EXXX_1_D_ATIS", "", "departure"),
        ("KATL_ATIS", "ATL DEP INFO S", "departure"),
        ("EXXX_ATIS", "THIS IS COPENHAGEN ARRIVAL INFORMATION Q", "arrival"),
        ("EXXX_ATIS", "RIGA ARRIVAL DEPARTURE ATIS INFORMATION P", "both"),
        ("EXXX_D_ATIS", "EXXX ARRIVAL INFORMATION B", "departure"),
        ("EXXX_ATIS", "INFORMATION Q. ARRIVAL RUNWAY 05", "both"),
    ],
)
def test_the_kind_is_the_callsigns_or_else_the_texts(callsign: str, text: str, kind: str) -> None:
    said = read_atis(callsign, [text])
    assert said.kind == kind
    assert said.words.get("kind", "") in (callsign + text)


@pytest.mark.parametrize(
    ("text", "qnh_mb"),
    [
        ("QNH 1019", 1019),
        ("QNH 1008HPA", 1008),
        ("QNH1013", 1013),
        ("QNH2992INS", 1013),
        ("QNH ONE ZERO ONE ZERO..", 1010),
        ("QNH NINER EIGHT SIX", 986),
        ("QNH 101 2, ACKNOWLEDGE", 1012),
        ("Q N H 1 0 2 1, Q F E 1 0 0 7", 1021),
        ("[QNH] 1022", 1022),
        ("QNH A1012 (ONE ZERO ONE TWO) HPA", 1012),
        ("Q1020/A3011", 1020),
        ("Q993 (ZERO NINER NINER THREE)", 993),
        ("A2992 (TWO NINER NINER TWO)", 1013),
        ("ALTIMETER 2976 , IFR", 1008),
        ("ALTIMETER 29.92", 1013),
        ("QFE 765 MM OR 1020 QNH 1027 OR 770 MM", 1027),
        ("QFE 1008", None),
        ("QNH 0385", None),
        ("QNH 9999 Q1E3", None),
        ("QNH", None),
        ("A1 AND A3 CLOSED, AIRCRAFT A320", None),
    ],
)
def test_the_qnh_is_in_hectopascals_or_unknown(text: str, qnh_mb: int | None) -> None:
    assert read_atis("EXXX_ATIS", [text]).qnh_mb == qnh_mb


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("INFORMATION BRAVO", "B"),
        ("ATIS YSSY E 221233", "E"),
        ("THIS IS EXXX ATIS INFORMATION P AT 1350", "P"),
        ("INFORMATION , ACKNOWLEDGE RECEIPT OF INFORMATION J", "J"),
        ("UNNTINFO Z OBSERVATION", "Z"),
        ("ADVISE YOU HAVE INFORMATION", None),
        ("ALBURY TERMINAL INFORMATION ZULU", "Z"),
        ("information x", "X"),
    ],
)
def test_the_letter_is_the_one_that_is_told(text: str, letter: str | None) -> None:
    assert read_atis("EXXX_ATIS", [text]).letter == letter


def test_without_a_text_nothing_is_known_but_what_the_callsign_says() -> None:
    for lines in (None, [], [""], ["", " "]):
        said = read_atis("EXXX_D_ATIS", lines)
        assert (
            said.kind,
            said.letter,
            said.departure_runways,
            said.arrival_runways,
            said.qnh_mb,
        ) == ("departure", None, None, None, None)


WORDS = sorted(
    {word for one in TEXTS for line in one["text"] for word in line.split()}
    | set(LETTERS)
    | {"RUNWAY", "RWY27R", "AND", "/", "FOR", "ARR", "DEP", "TAKE", "OFF", "IN", "USE", "[", "]"}
    | {".", ",", "QNH", "1", "2", "25L", "LEFT"}
)
texts = st.lists(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=30).map(" ".join), max_size=4
)


@given(texts, st.sampled_from(["EXXX_ATIS", "EXXX_A_ATIS", "", "_", "D_ATIS"]))
def test_what_is_read_is_in_the_text_and_possible(lines: list[str], callsign: str) -> None:
    said = read_atis(callsign, lines)
    text = " ".join(" ".join(lines).split())
    for names in (said.departure_runways, said.arrival_runways):
        if names is not None:
            assert 0 < len(names) <= MAX_RUNWAYS
            assert len(set(names)) == len(names)
            assert all(1 <= int(name[:2]) <= 36 and name[2:] in ("", *"LRC") for name in names)
    assert said.qnh_mb is None or LOWEST_QNH_MB <= said.qnh_mb <= HIGHEST_QNH_MB
    assert said.letter is None or (len(said.letter) == 1 and "A" <= said.letter <= "Z")
    known = {
        "letter": said.letter,
        "departure": said.departure_runways,
        "arrival": said.arrival_runways,
        "qnh_mb": said.qnh_mb,
    }
    assert {name for name, value in known.items() if value} == set(said.words) - {"kind"}
    for name, quoted in said.words.items():
        if name != "kind":
            assert all(part.removeprefix("…") in text for part in quoted.split("; "))
            assert len(quoted) <= (MAX_QUOTE + 2) * MAX_RUNWAYS * MAX_RUNWAYS


@pytest.mark.parametrize(
    "piece",
    ["RUNWAY ", "RWY 09 AND ", "AND ", "FOR ARR AND ", "ILS ", "Q N ", "INFORMATION ", "[RWY] ",
     "QNH 1 ", "TAKE ", "RUNWAY IN USE FOR ", "\x00", "1", "IN ", "25L , ILS "],
)  # fmt: skip
def test_of_an_endless_text_the_beginning_is_read(piece: str) -> None:
    words = words_of([piece * 1_000_000])
    assert len(words.text) <= MAX_LENGTH
    said = read_atis("EXXX_ATIS", [piece * 1_000_000])
    assert len(said.departure_runways or ()) <= MAX_RUNWAYS
