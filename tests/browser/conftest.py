"""What every browser test needs: a Chromium (or a clean skip) and a site to film."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.tour.browser import find_browser
from protocol.errors import EnvironmentNotReady
from tests.support.pages import Site, serve


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the Chromium to film with; without one the test is skipped, but never on CI."""
    try:
        return find_browser()
    except EnvironmentNotReady as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve an empty site."""
    with serve() as site:
        yield site
