"""A browser that is asked to open pages, and notes whatever a good page does not do."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from gevent.pywsgi import WSGIServer
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

PROGRAMS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# WebGL is drawn by software, on every machine alike. Without the second option newer browsers
# refuse that.
SWITCHES = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE_MS = 30_000
PHONE = {"width": 360, "height": 740}

# Refused by the page's Content-Security-Policy: also said on the console, but not of which page.
_REFUSALS = """
document.addEventListener("securitypolicyviolation", (e) => {
  console.error(`refused by the policy: ${e.violatedDirective} ${e.blockedURI}`);
});
"""


def program() -> str:
    """Where the system's Chromium or Chrome is."""
    found = [path for name in PROGRAMS if (path := shutil.which(name))]
    if platform.system() == "Darwin":
        found += [path for path in MAC if Path(path).exists()]
    if not found:
        pytest.fail("chromium is not installed: run `make test`, which installs it")
    return found[0]


def launched(playwright: Playwright) -> Browser:
    """A headless browser with a profile of its own, which goes when it is closed."""
    return playwright.chromium.launch(
        executable_path=program(), args=[*SWITCHES], chromium_sandbox=False, timeout=PATIENCE_MS
    )


class Visits:
    """Opens pages, each with cookies and a cache of its own.

    `problems` has what the pages said on the console as errors or warnings, threw, were refused
    by their policy, and asked of hosts other than this machine.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._noted: list[str] = []
        self._forgiven: list[str] = []

    def open(self, url: str, *, at: datetime | None = None, **options: Any) -> Page:
        """A page, when it has loaded; `options` are those of `Browser.new_context`.

        With `at`, its clock shows that time, and stands (`page.clock.set_fixed_time`).
        """
        context = self._browser.new_context(**{"reduced_motion": "reduce", **options})
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._said)
        context.on("weberror", lambda error: self._noted.append(str(error.error)))
        context.on("request", lambda request: self._asked(request.url))
        if options.get("java_script_enabled", True):
            context.add_init_script(_REFUSALS)
        if at is not None:
            context.clock.set_fixed_time(at)
        page = context.new_page()
        page.goto(url)
        return page

    def forgive(self, *parts: str) -> None:
        """Do not count problems with one of these parts in their text, now or later: the test makes
        them itself, and a page may tell of them after a delay."""
        self._forgiven += parts

    @property
    def problems(self) -> list[str]:
        """What the pages had that none may have."""
        return [one for one in self._noted if not any(part in one for part in self._forgiven)]

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._noted.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob", "file") and address.hostname != "127.0.0.1":
            self._noted.append(f"asked another host: {url}")


def barriers(page: Page, *rules: str) -> list[str]:
    """What axe finds on a page that keeps somebody from using it, each with the elements.

    By all of its rules, or by these.
    """
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found
    ]


def sideways(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth"))


class OtherOrigin:
    """A server of static pages at a port of its own, which is another origin to a browser."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)

    def __enter__(self) -> OtherOrigin:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.stop(timeout=0)

    def put(self, name: str, content: str) -> str:
        """Serve a page. Returns its address."""
        self.pages[f"/{name}"] = content
        return f"http://127.0.0.1:{self._server.server_port}/{name}"

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        # A browser asks for an icon by itself, and says on the console if there is none.
        content = (
            "" if environ["PATH_INFO"] == "/favicon.ico" else self.pages.get(environ["PATH_INFO"])
        )
        status = "404 Not Found" if content is None else "200 OK"
        start(status, [("Content-Type", "text/html; charset=utf-8")])
        return [(content or "").encode()]
