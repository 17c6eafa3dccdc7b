"""The feeds of the repository have every oddity that real ones were seen with."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FEEDS = Path(__file__).parents[1] / "feeds"

Document = dict[str, Any]


def _read(pattern: str) -> list[Any]:
    return [json.loads(gzip.decompress(f.read_bytes())) for f in sorted(FEEDS.glob(pattern))]


DOCUMENTS: list[Document] = _read("vatsim-data-*.json.gz")
RADIOS: list[list[Document]] = _read("transceivers-data-*.json.gz")


def of(section: str, odd: Callable[[Document], Any]) -> bool:
    return any(odd(record) for document in DOCUMENTS for record in document[section])


def of_plan(odd: Callable[[Document], Any]) -> bool:
    return of("pilots", lambda pilot: pilot["flight_plan"] and odd(pilot["flight_plan"]))


def of_radio(odd: Callable[[Document], Any]) -> bool:
    return any(odd(r) for clients in RADIOS for c in clients for r in c["transceivers"])


def fraction_digits() -> set[int]:
    texts = [p["logon_time"] for document in DOCUMENTS for p in document["pilots"]]
    return {len(text.rstrip("Z").partition(".")[2]) for text in texts}


def twice(*sections: str) -> bool:
    return any(
        max(Counter(r["cid"] for section in sections for r in document[section]).values()) > 1
        for document in DOCUMENTS
    )


def is_c1(character: str) -> bool:
    return "\x80" <= character <= "\x9f"


ODDITIES: dict[str, Callable[[], Any]] = {
    "no plan": lambda: of("pilots", lambda r: r["flight_plan"] is None),
    "no text": lambda: of("controllers", lambda r: r["text_atis"] is None),
    "an ATIS without a text": lambda: of("atis", lambda r: r["text_atis"] is None),
    "an ATIS without a letter": lambda: of("atis", lambda r: r["atis_code"] is None),
    "times of several precisions": lambda: {0, 7} <= fraction_digits(),
    "an altitude as a level": lambda: of_plan(lambda r: r["altitude"].startswith("FL")),
    "F350": lambda: of_plan(lambda r: r["altitude"] == "F350"),
    "A045": lambda: of_plan(lambda r: r["altitude"] == "A045"),
    "VFR/065": lambda: of_plan(lambda r: r["altitude"] == "VFR/065"),
    "a nonsense time": lambda: of_plan(lambda r: r["deptime"] == "5772193"),
    "no airports": lambda: of_plan(lambda r: r["departure"] == "" == r["arrival"]),
    "a local airport": lambda: of_plan(lambda r: 0 < len(r["departure"]) < 4),
    "no route": lambda: of_plan(lambda r: r["route"] == ""),
    "a long route": lambda: of_plan(lambda r: len(r["route"]) > 900),
    "long remarks": lambda: of_plan(lambda r: len(r["remarks"]) > 780),
    "a tab": lambda: of_plan(lambda r: "\t" in r["route"]),
    "a C1 control character": lambda: of_plan(lambda r: any(map(is_c1, r["remarks"]))),
    "double-encoded UTF-8": lambda: of_plan(lambda r: "Ã" in r["remarks"]),
    "unassigned transponder": lambda: of_plan(lambda r: r.get("assigned_transponder") == "0000"),
    "heading 0": lambda: of("pilots", lambda r: r["heading"] == 0),
    "heading 360": lambda: of("pilots", lambda r: r["heading"] == 360),
    "61,729 ft": lambda: of("pilots", lambda r: r["altitude"] == 61_729),
    "below the sea": lambda: of("pilots", lambda r: r["altitude"] < 0),
    "1,636 kt": lambda: of("pilots", lambda r: r["groundspeed"] == 1_636),
    "QNH garbage": lambda: of("pilots", lambda r: not 870 <= r["qnh_mb"] <= 1085),
    "transponder 9999": lambda: of("pilots", lambda r: r["transponder"] == "9999"),
    "a callsign of one character": lambda: of("pilots", lambda r: len(r["callsign"]) == 1),
    "a callsign of twelve": lambda: of("pilots", lambda r: len(r["callsign"]) == 12),
    "a hyphen": lambda: of("pilots", lambda r: "-" in r["callsign"]),
    "an observer": lambda: of("controllers", lambda r: r["facility"] == 0),
    "an observer as a flight": lambda: of(
        "controllers", lambda r: r["facility"] == 0 and "_" not in r["callsign"]
    ),
    "no frequency yet": lambda: of("controllers", lambda r: r["frequency"] == "199.998"),
    "a wrong facility": lambda: of(
        "controllers", lambda r: r["callsign"].endswith("_TWR") and r["facility"] not in (0, 4)
    ),
    "a visual range of 1,500": lambda: of("controllers", lambda r: r["visual_range"] == 1_500),
    "an empty line": lambda: of("controllers", lambda r: "" in (r["text_atis"] or ())),
    "a pilot's CID twice": lambda: twice("pilots"),
    "a controller's CID twice": lambda: twice("controllers"),
    "pilot and controller at once": lambda: twice("pilots", "controllers"),
    "several ATIS of one CID": lambda: twice("atis"),
    "a record newer than its feed": lambda: any(
        pilot["last_updated"] > document["general"]["update_timestamp"]
        for document in DOCUMENTS
        for pilot in document["pilots"]
    ),
    "a prefile's name is its CID": lambda: of("prefiles", lambda r: r["name"] == str(r["cid"])),
    "keys of later years missing": lambda: of("pilots", lambda r: "military_rating" not in r),
    "a plan without later keys": lambda: of_plan(lambda r: "revision_id" not in r),
    "a key that nobody knows": lambda: of("pilots", lambda r: "key_of_the_future" in r),
    "over midnight": lambda: (
        len(
            {
                d["general"]["update_timestamp"][:10]
                for d in DOCUMENTS
                if "2024-11" in str(d["general"])
            }
        )
        == 2
    ),
    "off the 5 kHz grid": lambda: of_radio(lambda r: r["frequency"] % 5_000),
    "frequency 0": lambda: of_radio(lambda r: r["frequency"] == 0),
    "199.998 MHz": lambda: of_radio(lambda r: r["frequency"] == 199_998_000),
    "HF": lambda: of_radio(lambda r: 0 < r["frequency"] < 12_000_000),
    "a height below the sea": lambda: of_radio(lambda r: r["heightMslM"] < 0),
    "higher above ground than above the sea": lambda: of_radio(
        lambda r: r["heightAglM"] > r["heightMslM"]
    ),
    "no radios": lambda: any(not c["transceivers"] for clients in RADIOS for c in clients),
    "43 radios": lambda: any(len(c["transceivers"]) == 43 for clients in RADIOS for c in clients),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_the_oddity_is_there(name: str) -> None:
    assert ODDITIES[name]()


def test_no_person_in_the_feeds_is_real() -> None:
    """No member has a CID from four to five million."""
    for document in DOCUMENTS:
        for section in ("pilots", "controllers", "atis", "prefiles"):
            assert all(4_000_000 <= record["cid"] < 5_000_000 for record in document[section])
