"""A take is whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.browser import launch
from dispatcher.tour.capture import Filming
from dispatcher.tour.painting import Painting
from dispatcher.tour.recorder import Recorder
from media.take import measure_take
from protocol.errors import MediaError

pytestmark = [pytest.mark.browser, pytest.mark.films]


@pytest.fixture
def recorder(chromium: Path) -> Iterator[Recorder]:
    """Open an empty page to film."""
    with sync_playwright() as playwright:
        browser = launch(playwright, chromium, root=is_root())
        with Recorder(browser, (320, 240)) as made:
            made.page.set_content("<p>x")
            yield made
        browser.close()


def refuse(*_args: object, **_more: object) -> None:
    raise PlaywrightError("no picture for you")


def test_a_block_that_raises_leaves_no_take(recorder: Recorder, tmp_path: Path) -> None:
    """The error goes on as it is, and the page can be filmed again."""
    path = tmp_path / "takes" / "a.mkv"
    with pytest.raises(KeyError, match="mine"), recorder.take(path):
        raise KeyError("mine")
    assert not path.exists()
    with recorder.take(path) as filming:
        filming.hold(0.3)
    assert measure_take(path) == ((320, 240), pytest.approx(0.3))


def test_a_browser_that_refuses_to_film_leaves_no_take(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was filmed yet: there is no file, and the page can be filmed again."""
    path = tmp_path / "a.mkv"
    with monkeypatch.context() as refused:
        refused.setattr(type(recorder.page.screencast), "start", refuse)
        with pytest.raises(PlaywrightError, match="no picture"), recorder.take(path):
            pytest.fail("it is not filmed")
    assert not path.exists()
    with recorder.take(path) as filming:
        filming.hold(0.2)
    assert path.is_file()


def test_a_take_that_cannot_be_begun_leaves_nothing(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was made before the take could not be begun is gone too."""
    path = tmp_path / "a.mkv"

    def begin(self: Filming, page: Page, to: Path, size: tuple[int, int], _painting: Painting, **_more: object) -> None:
        to.write_bytes(b"half")
        raise MediaError(f"{to}: {page.url} is not filmed in {size}")

    monkeypatch.setattr(Filming, "__init__", begin)
    with pytest.raises(MediaError, match="is not filmed"), recorder.take(path):
        pytest.fail("it is not filmed")
    assert not path.exists()
