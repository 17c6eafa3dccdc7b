"""The types of `vatwatch.client`, from the OpenAPI document.

python -m scripts.client_types, or `make docs`. A test compares the files with this script's output,
so the types say what the service answers, and cannot lag behind it.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from scripts.api_listed import document

FOLDER = Path(__file__).parents[1] / "vatwatch" / "client" / "types"
REF = "#/components/schemas/"

# Module by module, the answers of which endpoints it has; what a module before has it imports.
ANSWERS = {
    "flights": (
        "Flights and prefiles as the API answers with them.",
        ("/api/flights", "/api/flights/{callsign}", "/api/flights/{callsign}/track",
         "/api/prefiles"),
    ),
    "stations": (
        "Controllers, ATIS, radios and the network as the API answers with them.",
        ("/api/controllers", "/api/controllers/{callsign}", "/api/atis", "/api/transceivers",
         "/api/network"),
    ),
    "boards": (
        "Airports, FIRs, approach units and sectors as the API answers with them.",
        ("/api/airports", "/api/airports/{icao}", "/api/firs", "/api/firs/{fir}", "/api/approaches",
         "/api/sectors", "/api/sectors/{name}", "/api/sectors/{name}/occupancy"),
    ),
    "history": (
        "Contacts and events as the API answers with them.",
        ("/api/frequency-matches", "/api/history/flights/{flight_id}/contacts",
         "/api/history/sessions/{session_id}/contacts", "/api/events"),
    ),
}  # fmt: skip

# The parameters of which endpoints, and what their type is called.
QUERIES = {
    "FlightsQuery": "/api/flights",
    "TrackQuery": "/api/flights/{callsign}/track",
    "ControllersQuery": "/api/controllers",
    "AtisQuery": "/api/atis",
    "PrefilesQuery": "/api/prefiles",
    "TransceiversQuery": "/api/transceivers",
    "AirportsQuery": "/api/airports",
    "FirsQuery": "/api/firs",
    "ApproachesQuery": "/api/approaches",
    "SectorsQuery": "/api/sectors",
    "OccupancyQuery": "/api/sectors/{name}/occupancy",
    "MatchesQuery": "/api/frequency-matches",
    "FlightContactsQuery": "/api/history/flights/{flight_id}/contacts",
    "SessionContactsQuery": "/api/history/sessions/{session_id}/contacts",
    "EventsQuery": "/api/events",
    "FollowQuery": "/api/stream",
}
# The client asks for JSON, and knows itself where the stream goes on.
NOT_ASKED = {"format", "last_event_id"}

SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

MADE = "Made by `make docs` from the OpenAPI document: change nothing here."
FIELDS = "A list that is asked for some `fields` only has these."


def main() -> None:
    """Rewrite the files."""
    for path, text in written().items():
        path.write_text(text)


def written() -> dict[Path, str]:
    """Each file and what is to stand in it."""
    found = document()
    files = {FOLDER / "queries.py": _queries(found)}
    homes: dict[str, str] = {}
    for module, (about, paths) in ANSWERS.items():
        names = [name for path in paths for name in _answered(found, path)]
        own = [name for name in dict.fromkeys(names) if name not in homes]
        classes = [_record(name, found["components"]["schemas"][name]) for name in own]
        body = "\n\n\n".join(classes)
        used = {name for name in homes if re.search(rf"\b{_name(name)}\b", body)}
        homes |= dict.fromkeys(own, module)
        files[FOLDER / f"{module}.py"] = _module(f"{about}\n\n{MADE}\n{FIELDS}", body, used, homes)
    return {path: _formatted(text) for path, text in files.items()}


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--line-length", "100", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _module(about: str, body: str, used: set[str], homes: dict[str, str]) -> str:
    typing = [name for name in ("Any", "NotRequired", "TypedDict") if name in body]
    lines = ['"""' + about, '"""', "", "from __future__ import annotations", ""]
    lines += [f"from typing import {', '.join(typing)}"]
    for module in sorted({homes[name] for name in used}):
        names = ", ".join(sorted(_name(name) for name in used if homes[name] == module))
        lines += ["", f"from vatwatch.client.types.{module} import {names}"]
    gap = ["", ""] if body.startswith("class") else [""]
    return "\n".join([*lines, *gap, body, ""])


def _answered(found: dict[str, Any], path: str) -> Iterator[str]:
    """The schemas of an endpoint's answer, those that others need first."""
    content = found["paths"][path]["get"]["responses"]["200"]["content"]
    seen: set[str] = set()

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, list):
            for one in value:
                yield from walk(one)
        elif isinstance(value, dict):
            name = value.get("$ref", "").removeprefix(REF)
            if name and name not in seen:
                seen.add(name)
                schema = found["components"]["schemas"][name]
                yield from walk(schema)
                if "properties" in schema:  # an enumeration is a text that may get more values
                    yield name
            for one in value.values():
                yield from walk(one)

    for name in walk(content["application/json"]["schema"]):
        if name != "PartsAnswer":
            yield name


def _name(schema: str) -> str:
    """What the type is called: names of classes are unique in the project."""
    return f"{schema.removeprefix('Live')}Dict"


def _record(name: str, schema: dict[str, Any]) -> str:
    words = " ".join(str(schema.get("description", "Part of an answer.")).split())
    # The first sentence.
    about = re.split(r"(?<=[.]) (?=[A-Z`])", words)[0]
    fields = {
        field: _type(value)
        if field in schema.get("required", ())
        else f"NotRequired[{_type(value)}]"
        for field, value in schema["properties"].items()
    }
    return _typed_dict(_name(name), about, fields)


def _typed_dict(name: str, about: str, fields: dict[str, str], *, total: bool = True) -> str:
    if any(keyword.iskeyword(field) for field in fields):
        inner = ", ".join(f'"{field}": {kind}' for field, kind in fields.items())
        return f'{name} = TypedDict("{name}", {{{inner}}})\n{_docstring(about, "")}'
    head = f"class {name}(TypedDict{'' if total else ', total=False'}):"
    lines = [f"    {field}: {kind}" for field, kind in fields.items()]
    return "\n".join([head, _docstring(about, "    "), "", *lines])


def _docstring(about: str, indent: str) -> str:
    lines = textwrap.wrap(about, 88)
    end = f"\n{indent}" if len(lines) > 1 else ""
    return f'{indent}"""' + f"\n{indent}".join(lines) + f'{end}"""'


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return _name(name) if name not in _enumerations() else "str"
    if "anyOf" in schema:
        kinds = [_type(one) for one in schema["anyOf"] if one]
        return " | ".join(dict.fromkeys(kinds))
    kind = schema.get("type")
    if kind == "array":
        return f"list[{_type(schema.get('items', {}))}]"
    if kind == "object":
        return f"dict[str, {_type(schema.get('additionalProperties') or {})}]"
    return SIMPLE.get(str(kind), "Any")


@cache
def _enumerations() -> set[str]:
    """The schemas that are one of some texts: there may be more of these with any version."""
    schemas = document()["components"]["schemas"]
    return {name for name, schema in schemas.items() if "properties" not in schema}


def _queries(found: dict[str, Any]) -> str:
    """The names of parameters. The service itself checks the values, and says what is wrong."""
    classes = []
    for name, path in QUERIES.items():
        given = [one for one in found["paths"][path]["get"]["parameters"] if one["in"] == "query"]
        fields = {
            f"{one['name']}_" if keyword.iskeyword(one["name"]) else one["name"]: "QueryValue"
            for one in given
            if one["name"] not in NOT_ASKED
        }
        classes.append(_typed_dict(name, f"What `GET {path}` may be asked.", fields, total=False))
    return "\n".join(
        [
            '"""What the endpoints may be asked, by the names that the API has.',
            "",
            f'{MADE}\n`from` is Python\'s own word: write `from_`.\n"""',
            "",
            "from __future__ import annotations",
            "",
            "from typing import TypedDict",
            "",
            "from vatwatch.client.values import QueryValue",
            "",
            "",
            "\n\n\n".join(classes),
            "",
        ]
    )


if __name__ == "__main__":
    main()
