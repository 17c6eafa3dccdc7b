"""The lines of the log as JSON, and the ids in them. (For people: `test_standard_error`.)"""

from __future__ import annotations

import json
import logging
from typing import Any
from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st

from tests.logs.test_standard_error import record
from vatwatch.logs.context import WorkIds, work_on
from vatwatch.logs.formats import ConsoleFormatter, JsonFormatter, json_line
from vatwatch.redaction import hide


def parsed(given: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(given)
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_of_json_has_time_level_logger_message_and_process() -> None:
    given = record("%d pilots", 3)
    given.created = 1796050800.25
    given.process = 17
    assert parsed(given) == {
        "time": "2026-11-30T15:00:00.250Z",
        "level": "warning",
        "logger": "vatwatch.part",
        "message": "3 pilots",
        "process": 17,
    }


def test_a_traceback_is_in_the_same_object() -> None:
    failed = record("failed")
    failed.exc_info = (ValueError, ValueError("one\ntwo"), None)
    line = parsed(failed)
    assert line["message"] == "failed"
    assert line["exception"] == "ValueError: one\ntwo"


def test_both_formats_tell_the_request_and_the_snapshot_if_there_is_one() -> None:
    work_on(WorkIds("4f1c", "2026-11-26T12:00:00Z"))
    assert parsed(record("stored"))["request_id"] == "4f1c"
    assert parsed(record("stored"))["correlation_id"] == "2026-11-26T12:00:00Z"
    text = ConsoleFormatter().format(record("stored\nsecond"))
    first, second = text.split("\n")
    assert first.endswith(": stored [request_id=4f1c correlation_id=2026-11-26T12:00:00Z]")
    assert second == "    second"
    work_on(WorkIds("4f1c"))
    assert ConsoleFormatter().format(record("stored")).endswith(": stored [request_id=4f1c]")
    assert "correlation_id" not in parsed(record("stored"))


@given(st.text())
def test_whatever_a_message_holds_the_line_is_one_object_without_control_characters(
    text: str,
) -> None:
    line = JsonFormatter().format(record("%s", text))
    assert not [c for c in line if category(c) in ("Cc", "Zl", "Zp", "Cs")]
    message = json.loads(line).get("message", "")
    assert message == text.encode("utf-8", "backslashreplace").decode()


def test_no_secret_is_in_a_line_of_json() -> None:
    hide(['correct "horse" battery'])
    assert "horse" not in JsonFormatter().format(record("it is %s", 'correct "horse" battery'))


def test_members_without_a_value_are_left_out() -> None:
    assert json_line({"a": "", "b": None, "c": 0, "d": "x"}) == '{"c":0,"d":"x"}'
