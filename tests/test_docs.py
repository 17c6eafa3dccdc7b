"""The docs say what is there, all of it, and nothing else."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg2
import pytest
from falcon import inspect

from scripts import api_examples, api_listed, client_types, messages_drawn, rules_listed
from scripts.messages_drawn import received
from scripts.reference import MESSAGES, configuration, data_dictionary, drawn, generated_part
from tests.actors.node_house import TREES
from vatwatch.actors.resource_monitor import REPLACED
from vatwatch.cli import main
from vatwatch.config.settings import load
from vatwatch.config.sources import OLD_NAMES
from vatwatch.config.unknown_names import NOT_OURS
from vatwatch.http.access import WriteAuthorization
from vatwatch.http.app import create_app
from vatwatch.http.app_context import AppContext
from vatwatch.http.openapi import PROBLEMS
from vatwatch.http.problems import App
from vatwatch.logs import files as log_files
from vatwatch.storage.directory_lock import NAME as LOCK
from vatwatch.storage.migrate import migrate
from vatwatch.supervision import ChildSpec, SupervisorSpec, Tree
from vatwatch.system import declare

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
TREE_LINE = re.compile(r"^[│├└─ ]*(\w+)\s", re.MULTILINE)


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(prose(page)) if ":" not in link)
        ahead += [(page.parent / link).resolve() for link in links if link.endswith(".md")]
    assert set(PAGES) <= reached


def test_every_docs_page_that_the_code_names_exists() -> None:
    sources = [*ROOT.glob("vatwatch/**/*.py"), *ROOT.glob("vatwatch/**/*.sql")]
    named = {
        (source.name, name)
        for source in sources
        for name in re.findall(r"docs/[\w/-]+\.md", source.read_text())
    }
    assert named, "the pattern finds nothing any more"
    assert [(source, name) for source, name in named if not (ROOT / name).exists()] == []


def test_every_decision_is_in_the_index_and_says_context_decision_consequences() -> None:
    index = (DOCS / "decisions" / "README.md").read_text()
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    assert decisions
    for decision in decisions:
        assert f"({decision.name})" in index
        headings = re.findall(r"^## (.+)$", decision.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"]


# --- what is generated -------------------------------------------------------------------------


def test_the_table_of_settings_is_what_the_settings_say() -> None:
    assert generated_part(DOCS / "configuration.md") == configuration(), "run `make docs`"


def test_how_long_each_table_is_kept_is_said(database_url: str) -> None:
    conn = psycopg2.connect(database_url)
    try:
        migrate(conn)
        with conn.cursor() as cur:
            cur.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = {name for (name,) in cur.fetchall() if not re.search(r"_\d{8}$", name)}
    finally:
        conn.close()
    section = (DOCS / "operating.md").read_text().partition("## How long things are kept")[2]
    table = section.partition("| file in")[0]
    said = [
        name
        for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    assert sorted(said) == sorted(tables)


def files_in_the_table() -> set[str]:
    """The files and folders of the home of which docs/operating.md says how long they are kept."""
    section = (DOCS / "operating.md").read_text().partition("| file in `VATWATCH_HOME` |")[2]
    rows = re.findall(r"^\| (`.+?) \|", section.partition("\n\n")[0], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w.-]+)`", row)}


def test_how_long_each_file_in_the_home_is_kept_is_said() -> None:
    settings = load(env={}, directory=DOCS)
    home = settings.general.home
    given = [
        value
        for worker in workers_and_supervisors(declare(settings))
        if isinstance(worker, ChildSpec)
        for value in (*worker.args, *worker.kwargs.values())
        if isinstance(value, Path) and value != home
    ]
    by_actors = {value.relative_to(home).parts[0] for value in given}
    logs = {log_files.APPLICATION, log_files.ERRORS, log_files.ACCESS, log_files.AUDIT}
    assert {"journal", "alerts.outbox", "last-poll"} <= by_actors
    assert files_in_the_table() == by_actors | logs | {"postgres", REPLACED, LOCK}


def test_the_drawings_of_the_messages_are_those_of_the_code() -> None:
    assert generated_part(DOCS / "messages.md") == messages_drawn.tables(), "run `make docs`"
    assert drawn(MESSAGES.read_text()) == messages_drawn.drawing(), "run `make docs`"


def test_the_rules_and_their_numbers_are_those_of_the_code() -> None:
    assert generated_part(DOCS / "rules.md") == rules_listed.listed(), "run `make docs`"


def test_the_types_of_the_client_are_those_of_the_openapi_document() -> None:
    for path, text in client_types.written().items():
        assert path.read_text() == text, "run `make docs`"


def test_the_way_of_a_snapshot_names_messages_that_there_are() -> None:
    text = (DOCS / "messages.md").read_text().partition("## By receiver")[0]
    own = {m.__name__ for module in messages_drawn.actors().values() for m in received(module)}
    named = set(re.findall(r"`([A-Z]\w+)\??`", text)) - {"VATWATCH_SNAPSHOT_TRIES"}
    assert named
    assert named <= messages_drawn.messages().keys() | own


def test_the_data_dictionary_is_what_a_migrated_database_says(database_url: str) -> None:
    conn = psycopg2.connect(database_url)
    try:
        migrate(conn)
        said = data_dictionary(conn)
    finally:
        conn.close()
    assert generated_part(DOCS / "data-dictionary.md") == said, "run `make docs`"


# A reader sees a file of this length as a whole. None is longer; one that must be stands here with
# its reason.
MOST_LINES = 400


def test_no_file_is_longer_than_a_reader_can_see_as_a_whole() -> None:
    long = {
        page_name(path): lines
        for package in ("vatwatch", "vatsim_simulator")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def event_types() -> set[str]:
    """As the code that publishes them writes them."""
    sources = [*ROOT.glob("vatwatch/actors/*.py"), ROOT / "vatwatch" / "traffic" / "events.py"]
    return {
        name for source in sources for name in re.findall(r'"([A-Z]+_[A-Z]+)"', source.read_text())
    }


def test_every_setting_that_a_page_names_exists() -> None:
    known = set(re.findall(r"^\| `(\w+)` ", configuration(), re.MULTILINE)) | OLD_NAMES.keys()
    own = NOT_OURS  # of Compose, and of vatwatch.client
    pattern = re.compile(r"\b(?:VATWATCH|VATSIM|CACHE|EVENT_BUS|SERVICE|DATABASE)_[A-Z_]*[A-Z]\b")
    pages = [*PAGES, ROOT / ".env.example", ROOT / "docker-compose.yml", ROOT / "Dockerfile"]
    unknown = {
        (page_name(page), name)
        for page in pages
        for name in pattern.findall(page.read_text())
        if name not in known | own | event_types()
        and not any(k.startswith(f"{name}_") for k in known)
    }
    assert unknown == set()


# --- what is written by hand ---------------------------------------------------------------------


def named_in_tables(page: Path, heading: str) -> set[str]:
    section = page.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| ([a-z][\w-]*) \|", section, re.MULTILINE)) - {"package"}


@pytest.mark.parametrize(
    ("heading", "group"),
    [
        ("To run", None),
        ("To use the client", "client"),
        ("To develop", "dev"),
        ("To build", "build"),
    ],
)
def test_every_dependency_has_its_reason_and_nothing_else_has(
    heading: str, group: str | None
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] if group is None else project["optional-dependencies"][group]
    names = {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in wanted}
    assert named_in_tables(DOCS / "dependencies.md", heading) == names
    section = (DOCS / "dependencies.md").read_text().split(f"\n## {heading}\n")[1]
    for name, licence in re.findall(r"^\| ([a-z][\w-]*) \| (.*?) \|", section, re.MULTILINE):
        assert re.match(r"(MIT|BSD|Apache|PSF|MPL|LGPL|licence$)", licence), name


def app_of_the_docs() -> App:
    tree = Tree(declare(load(env={}, directory=DOCS)))
    return create_app(AppContext(tree, datetime.now(UTC), WriteAuthorization([], rate="1/minute")))


def test_every_endpoint_is_documented_and_nothing_else_is() -> None:
    app = app_of_the_docs()
    served = {
        f"{method.method} {route.path.replace(':path}', '}')}"
        for route in inspect.inspect_app(app).routes
        for method in route.methods
        if not method.internal and method.method != "HEAD"  # as GET, without a body
    }
    documented = set(
        re.findall(r"^### ((?:GET|POST|PUT|PATCH|DELETE) \S+)$", prose(DOCS / "api.md"), re.M)
    )
    assert documented == served


def test_the_table_of_endpoints_is_what_the_openapi_document_says() -> None:
    assert generated_part(DOCS / "api.md") == api_listed.listed(api_listed.document()), (
        "run `make docs`"
    )


def test_the_table_of_statuses_has_those_of_the_openapi_document() -> None:
    table = (DOCS / "api.md").read_text().split("| status | when |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    # 405 is of no endpoint: it is what the others answer.
    assert {int(status) for row in rows for status in row.split(",")} == {*PROBLEMS, 405}


def test_an_endpoint_has_the_statuses_that_its_text_tells_of() -> None:
    paths = api_listed.document()["paths"]
    told = 0
    for operation, text in api_examples.sections():
        method, _, path = operation.partition(" ")
        has = {int(status) for status in paths[path][method.lower()]["responses"]}
        for errors in re.findall(r"^Errors: (.*?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
            said = {int(status) for status in re.findall(r"\b[45]\d\d\b", errors)}
            assert said <= has, operation
            told += len(said)
    assert told > 50


def test_every_parameter_is_documented_with_its_endpoint() -> None:
    app = app_of_the_docs()
    sections = dict(
        re.findall(r"^### (.+?)\n(.*?)(?=^#)", f"{(DOCS / 'api.md').read_text()}#", re.M | re.S)
    )
    for route in inspect.inspect_app(app).routes:
        declared = getattr(app._router.find(route.path)[0], "parameters", {})
        for method, parameters in declared.items():
            section = sections[f"{method} {route.path.replace(':path', '')}"]
            missing = [one.name for one in parameters if f"`{one.name}`" not in section]
            assert missing == [], f"{method} {route.path}"


def test_every_type_of_event_is_documented_and_nothing_else_is() -> None:
    section = (DOCS / "api.md").read_text().split("| types | told when |")[1].split("\n\n")[0]
    documented = {name for row in section.splitlines() for name in re.findall(r"`([A-Z_]+)`", row)}
    assert documented - {"SERVICE_HEALTH_CHECK_INTERVAL"} == event_types()


def test_every_command_is_told_of_in_the_docs() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert [name for name in main.commands if f"vatwatch {name}" not in text] == []


def workers_and_supervisors(
    spec: SupervisorSpec | ChildSpec,
) -> Iterator[SupervisorSpec | ChildSpec]:
    yield spec
    if isinstance(spec, SupervisorSpec):
        for child in spec.children:
            yield from workers_and_supervisors(child)


def test_the_drawing_of_the_supervision_tree_shows_every_node_in_its_order() -> None:
    section = (DOCS / "architecture.md").read_text().split("## The supervision tree")[1]
    drawn = TREE_LINE.findall(section.split("```")[1].strip("\n"))
    trees = [[node.name for node in workers_and_supervisors(tree)] for tree in TREES]
    assert {*drawn} == {name for tree in trees for name in tree}
    for tree in trees:
        assert [name for name in drawn if name in tree] == tree


# --- the guide for contributors, and the words ----------------------------------------------------


def test_every_file_that_the_guide_for_contributors_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tops = "vatwatch|vatsim_simulator|tests|docs|scripts"
    named = set(re.findall(rf"(?<![\w/])(?:{tops})/[\w/.-]*\w", text))
    assert len(named) > 30
    made_by_the_reader = re.compile(r"NAME|NNNN")
    missing = {
        name for name in named if not made_by_the_reader.search(name) and not (ROOT / name).exists()
    }
    assert missing == set()


def test_the_names_that_the_recipes_tell_to_change_are_in_their_files() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].partition("\n## ")[0]
    assert text
    for step in re.findall(r"^\d+\. (.*?)(?=^\d+\. |^$)", text, re.MULTILINE | re.DOTALL):
        paths = [p for p in re.findall(r"`([\w/]+\.\w+)`", step) if (ROOT / p).is_file()]
        files = "".join((ROOT / path).read_text() for path in paths)
        names = re.findall(r"`(_[a-zA-Z]\w+|[A-Z][A-Z]{3,}|[A-Z][a-z]\w+)`", step)
        assert [name for name in names if paths and name not in files] == [], step


def test_the_lines_of_the_guide_for_one_actor_run_as_they_stand(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S
    )
    (lines,) = blocks
    program = lines.replace("/tmp/journal-try", str(tmp_path / "journal"))
    assert program != lines
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines() == [
        "None",
        "[('try', 'running', 0), ('journal', 'running', 0)]",
    ]


def public_names() -> dict[str, list[str]]:
    """Every public class and alias of a type, and where it is defined."""
    found: dict[str, list[str]] = {}
    for package in ("vatwatch", "vatsim_simulator"):
        for source in sorted((ROOT / package).rglob("*.py")):
            where = str(source.relative_to(ROOT))
            for node in ast.parse(source.read_text()).body:
                name = ""
                if isinstance(node, ast.ClassDef):
                    name = node.name
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    name = node.target.id if ast.unparse(node.annotation) == "TypeAlias" else ""
                if name and not name.startswith("_"):
                    found.setdefault(name, []).append(where)
    return found


def test_no_public_name_has_two_meanings() -> None:
    inbox = {"Received"}  # of each actor, in its own module; nobody imports it
    twice = {name: places for name, places in public_names().items() if len(places) > 1}
    assert twice.keys() - inbox == set(), twice


def test_every_name_and_file_of_the_glossary_exists() -> None:
    text = (DOCS / "glossary.md").read_text()
    names = set(re.findall(r"`([A-Z]\w+)`", text)) - {"Code"}
    assert len(names) > 30
    assert names - public_names().keys() == set()
    files = re.findall(r"`(vatwatch/[\w/.]+)`", text)
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_glossary_tells_each_word_once() -> None:
    rows = re.findall(r"^\| ([\w, -]+?) \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    words = [word for row in rows if row not in {"word", "---"} for word in row.split(", ")]
    assert len(words) >= 50
    assert sorted(words) == sorted(set(words))


# --- what can be typed ---------------------------------------------------------------------------


def shell_commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in SHELL.findall(page.read_text()):
            for line in block.splitlines():
                for command in re.split(r"\s*&&\s*", line):
                    words = shlex.split(command, comments=True)
                    while words and re.match(r"[A-Z_]+=", words[0]):
                        words.pop(0)
                    if words:
                        yield page_name(page), words


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def test_every_make_target_that_a_page_names_exists() -> None:
    named = {
        (page_name(page), name)
        for page in PAGES
        for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE)
    }
    assert {("README.md", "run"), ("README.md", "test")} <= named
    assert [(page, name) for page, name in named if name not in targets()] == []


def test_every_make_target_is_named_in_its_help() -> None:
    # Not as a part of the make that runs the tests: it would say which directory it enters.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, env=env
    )
    assert {line.split()[1] for line in said.stdout.splitlines()} == targets()


def test_every_command_line_that_a_page_shows_is_understood() -> None:
    shown = [(page, words) for page, words in shell_commands() if words[0] == "vatwatch"]
    assert shown
    for page, (_, name, *given) in shown:
        assert name in main.commands, f"{page}: vatwatch {name}"
        command = main.commands[name]
        if isinstance(command, click.Group):
            assert given[0] in command.commands, f"{page}: vatwatch {name} {given[0]}"
            command = command.commands[given[0]]
        known = {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        ours = given[: given.index("--")] if "--" in given else given
        unknown = {word for word in ours if word.startswith("-")} - known
        assert not unknown, f"{page}: vatwatch {name} has no {unknown}"


# --- the container files -------------------------------------------------------------------------


def test_the_environment_of_compose_is_explained_in_the_sample() -> None:
    wanted = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    sample = (ROOT / ".env.example").read_text()
    assert wanted == set(re.findall(r"^#?([A-Z_]+)=", sample, re.MULTILINE))


def test_everything_that_the_image_is_made_of_is_sent_to_docker() -> None:
    sent = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copies = re.findall(r"^COPY (?!--)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for names in copies for name in names.split()}
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)
