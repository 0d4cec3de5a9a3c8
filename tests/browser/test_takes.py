"""A take is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from dispatcher.tour.browser.capture import TakeRecorder
from dispatcher.tour.browser.painting import PaintTracker
from dispatcher.tour.browser.recorder import BrowserRecorder
from media.take import measure_take
from protocol.errors import MediaError
from tests.support.acting import SIZE

pytestmark = [pytest.mark.browser, pytest.mark.films]


@pytest.fixture
def recorder(recorder: BrowserRecorder) -> BrowserRecorder:
    """Return a recorder whose page shows something."""
    recorder.page.set_content("<p>x")
    return recorder


def refuse(*_args: object, **_more: object) -> None:
    raise PlaywrightError("no picture for you")


def test_a_block_that_raises_leaves_no_take(recorder: BrowserRecorder, tmp_path: Path) -> None:
    """The error goes on as it is, and the page can be recorded again."""
    path = tmp_path / "takes" / "a.mkv"
    with pytest.raises(KeyError, match="mine"), recorder.take(path):
        raise KeyError("mine")
    assert not path.exists()
    with recorder.take(path) as take_recorder:
        take_recorder.hold(0.3)
    assert measure_take(path) == (SIZE, pytest.approx(0.3))


def test_a_browser_that_refuses_to_film_leaves_no_take(
    recorder: BrowserRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was recorded yet: there is no file, and the page can be recorded again."""
    path = tmp_path / "a.mkv"
    with monkeypatch.context() as refused:
        refused.setattr(type(recorder.page.screencast), "start", refuse)
        with pytest.raises(PlaywrightError, match="no picture"), recorder.take(path):
            pytest.fail("it is not filmed")
    assert not path.exists()
    with recorder.take(path) as take_recorder:
        take_recorder.hold(0.2)
    assert path.is_file()


def test_a_take_that_cannot_be_begun_leaves_nothing(
    recorder: BrowserRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was made before the take could not be begun is gone too."""
    path = tmp_path / "a.mkv"

    def begin(
        self: TakeRecorder, page: Page, to: Path, size: tuple[int, int], _painting: PaintTracker, **_more: object
    ) -> None:
        to.write_bytes(b"half")
        raise MediaError(f"{to}: {page.url} is not filmed in {size}")

    monkeypatch.setattr(TakeRecorder, "__init__", begin)
    with pytest.raises(MediaError, match="is not filmed"), recorder.take(path):
        pytest.fail("it is not filmed")
    assert not path.exists()
