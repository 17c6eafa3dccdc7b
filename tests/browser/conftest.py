"""One real browser, and one service with simulated traffic, for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.actors.harness import as_url
from tests.browser.browsing import PATIENCE_MS, OtherOrigin, Visits, launched
from tests.browser.restartable import Restartable
from tests.conftest import empty_database
from tests.feed_server import FeedServer


# Of the package, not of the session: while it runs, its driver keeps asyncio to itself, which tests
# elsewhere need.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    """Opens pages; at the end of the test none of them may have had a problem."""
    visits = Visits(browser)
    yield visits
    visits.close()
    assert visits.problems == []


@pytest.fixture(scope="package")
def service(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restartable]:
    """The service, with a feed that goes on when a test says so (`service.feeds.advance()`)."""
    with empty_database(postgresql) as database, FeedServer(pilots=100) as feeds:
        service = Restartable(tmp_path_factory.mktemp("browser"), as_url(database), feeds)
        yield service
        service.stop()


@pytest.fixture(scope="package")
def elsewhere() -> Iterator[OtherOrigin]:
    """Serves pages from another origin than the service's."""
    with OtherOrigin() as server:
        yield server
