"""The browser of the tests itself: it can draw, and notices what a page must not do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import OtherOrigin, Visits, barriers

RENDERER = """() => {
  const gl = document.createElement("canvas").getContext("webgl2");
  return gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL);
}"""


def test_webgl_is_drawn_by_software_on_every_machine(
    visits: Visits, elsewhere: OtherOrigin
) -> None:
    page = visits.open(elsewhere.put("empty.html", "<!doctype html>"))
    assert "SwiftShader" in page.evaluate(RENDERER)


POLICY = "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\">"


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        ("<script>console.error('broken')</script>", "broken"),
        ("<script>console.warn('odd')</script>", "odd"),
        ("<script>nobody.knows()</script>", "nobody is not defined"),
        ("<script>Promise.reject(new Error('unasked'))</script>", "unasked"),
        (f"{POLICY}<img src='/dot.png' alt=''>", "refused by the policy: img-src"),
        ("<img src='/missing.png' alt=''>", "404"),
        ("<img src='http://localhost:9/dot.png' alt=''>", "asked another host"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(
    browser: Browser, elsewhere: OtherOrigin, content: str, noted: str
) -> None:
    visits = Visits(browser)
    visits.open(elsewhere.put("bad.html", f"<!doctype html><title>Bad</title>{content}"))
    assert any(noted in problem for problem in visits.problems)
    visits.close()


def test_what_a_test_does_itself_is_no_problem_also_if_it_comes_later(
    browser: Browser, elsewhere: OtherOrigin
) -> None:
    visits = Visits(browser)
    page = visits.open(elsewhere.put("empty.html", "<!doctype html><title>Empty</title>"))
    visits.forgive("expected")
    page.evaluate("() => { console.error('expected'); console.error('surprising'); }")
    assert [problem.partition(" ")[0] for problem in visits.problems] == ["surprising"]
    visits.close()


def test_what_keeps_somebody_from_using_a_page_is_found(
    visits: Visits, elsewhere: OtherOrigin
) -> None:
    page = visits.open(
        elsewhere.put("bare.html", "<!doctype html><title>Bare</title><main><h1>A</h1><input>")
    )
    assert [each.partition(" ")[0] for each in barriers(page)] == ["html-has-lang", "label"]
