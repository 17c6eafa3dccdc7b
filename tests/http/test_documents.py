"""The pages of the API: complete, and with nothing that the service does not serve itself."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import brotli
import pytest
from falcon import testing

from tests.http.test_parameters import APP
from vatwatch.http.documents import ASSETS
from vatwatch.http.page import page_files

CLIENT = testing.TestClient(APP)
PAGES = ("/docs", "/")
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "": bytes,
}


class Found(HTMLParser):
    """The elements of a page, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends nothing"

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> testing.Result:
    return CLIENT.simulate_get(request.param)


def test_a_page_is_html_with_a_policy_that_allows_only_our_own_files(page: testing.Result) -> None:
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    # Pictures may also be made by the page itself.
    assert policy.pop("img-src") in ("'self'", "'self' data: blob:")
    loads = {name: value for name, value in policy.items() if name.endswith("-src")}
    assert set(loads.values()) == {"'none'", "'self'"}


def test_others_may_show_the_map_in_a_frame_and_nothing_else() -> None:
    ancestors = {
        path: re.findall(
            r"frame-ancestors ([^;]*)",
            CLIENT.simulate_get(path).headers["Content-Security-Policy"],
        )
        for path in PAGES
    }
    assert ancestors == {"/docs": ["'none'"], "/": ["*"]}


def test_a_page_has_no_inline_script_or_style_which_its_policy_would_refuse(
    page: testing.Result,
) -> None:
    found = Found(page.text)
    assert found.open == [], "every element ends"
    for tag, attributes in found.elements:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "script" or attributes["src"]
    assert not [text for tag, text in found.texts if tag == "script" and text.strip()]


def test_whatever_a_page_loads_or_links_is_served_here(page: testing.Result) -> None:
    found = Found(page.text)
    ids = {attributes.get("id") for _, attributes in found.elements}
    linked = {
        str(attributes.get("src") or attributes.get("href"))
        for _, attributes in found.elements
        if "src" in attributes or "href" in attributes
    }
    assert linked
    served = set(APP.routes) | {f"/docs/{name}" for name in ASSETS}
    served |= {f"/page/{name}" for name in page_files()}
    for link in linked:
        if link.startswith("#"):
            assert link[1:] in ids, f"{link} leads nowhere"
        else:
            assert link in served, link


def test_the_page_shows_each_endpoint_with_its_parameters_and_statuses() -> None:
    document: dict[str, Any] = CLIENT.simulate_get("/openapi.json").json
    page = CLIENT.simulate_get("/docs").text
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            begin = page.index(f'id="{operation["operationId"]}"')
            rest = page[begin:]
            section = rest[: rest.find('<details class="operation"') % len(rest)]
            assert f"<code>{path}</code>" in section
            assert f">{method.upper()}</b>" in section
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in section
            for status in operation["responses"]:
                assert f">{status}</th>" in section


def test_the_files_of_the_pages_have_their_media_types_and_others_are_404() -> None:
    style, script = (CLIENT.simulate_get(f"/docs/{name}") for name in ("docs.css", "docs.js"))
    assert style.headers["Content-Type"].startswith("text/css")
    assert script.headers["Content-Type"].startswith("text/javascript")
    icon = CLIENT.simulate_get("/docs/icon.svg")
    assert icon.headers["Content-Type"] == "image/svg+xml"
    for missing in ("docs.py", "..", "%2e%2e%2fapp.py", "DOCS.CSS"):
        answer = CLIENT.simulate_get(f"/docs/{missing}")
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_style_and_a_script_load_nothing_from_elsewhere() -> None:
    for name in ("docs.css", "docs.js"):
        text = CLIENT.simulate_get(f"/docs/{name}").text
        assert not re.findall(r"https?:|//[a-z]+\.|@import|url\(", text)


def test_the_page_links_to_the_documents_and_the_status_for_who_has_no_scripts() -> None:
    page = CLIENT.simulate_get("/").text
    for path in ("/docs", "/api/status", "/api/flights"):
        assert f'href="{path}"' in page


@pytest.mark.parametrize("coding", ["br", "gzip", ""])
def test_a_file_of_the_page_is_the_same_in_every_coding_and_never_changes(coding: str) -> None:
    for name, file in page_files().items():
        answer = CLIENT.simulate_get(f"/page/{name}", headers={"Accept-Encoding": coding})
        assert answer.headers["Content-Type"] == file.media_type
        said = answer.headers.get("Content-Encoding", "")
        assert said == (coding if coding in file.coded else "")
        assert UNPACK[said](answer.content) == file.coded[""]
        assert answer.headers["Vary"] == "Accept-Encoding"
        is_named_by_content = re.search(r"-[A-Z0-9]{8}\.", name)
        assert ("immutable" in answer.headers["Cache-Control"]) == bool(is_named_by_content)
        tag = answer.headers["ETag"]
        again = {"Accept-Encoding": coding, "If-None-Match": tag}
        assert CLIENT.simulate_get(f"/page/{name}", headers=again).status_code == 304


def test_another_file_is_a_404_and_any_parameter_is_the_page_s_own() -> None:
    for name in ("nothing.js", "..", "%2e%2e%2fpage.py", "index.html.br", "INDEX.HTML"):
        assert CLIENT.simulate_get(f"/page/{name}").status_code == 404
    answer = CLIENT.simulate_get("/", query_string="view=system&show=flight:DLH1&what=ever")
    assert answer.status_code == 200
