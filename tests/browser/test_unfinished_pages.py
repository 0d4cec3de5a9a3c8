"""Pages that never finish loading are recorded as they are; servers that are not there are told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.errors import StepFailed
from tests.support.acting import film, try_tour
from tests.support.pages import Site, html
from tests.tour.test_reachable import closed_port

pytestmark = [pytest.mark.browser]
BUTTON = "<button onclick=\"this.textContent='works'\">Go</button>"
PARTS = {
    "an image": "<img src='/never' width=1 height=1 alt=''>",
    "a hidden frame": "<iframe hidden src='/never'></iframe>",
}


@pytest.mark.films
@pytest.mark.parametrize("part", PARTS)
def test_a_page_that_never_finishes_loading_is_recorded(tmp_path: Path, site: Site, chromium: Path, part: str) -> None:
    """The page is used a few seconds after its document is complete, and the warning names what is missing."""
    site.pages |= {"/": html(BUTTON + PARTS[part]), "/never": ""}
    site.hanging.add("/never")
    actions = [{"type": "wait_for_selector", "selector": "button"}, {"type": "click_selector", "selector": "button"}]
    claim = [{"type": "element_visible", "selector": "button:has-text('works')"}]
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": actions, "assertions": claim}])
    [warning] = take.warnings
    assert warning == f"step 'a': {site.url}/ never finishes loading ({site.url}/never); it is recorded as it is"


@pytest.mark.films
def test_a_click_that_leads_to_such_a_page(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The steps after it go on there; an action that fails there is the one that is named."""
    site.pages |= {"/": html("<a id=a href='/shop'>Shop</a>"), "/shop": html(BUTTON + PARTS["an image"]), "/never": ""}
    site.hanging.add("/never")
    steps = [
        {"id": "s", "url": "/", "actions": [{"type": "click_selector", "selector": "#a"}]},
        {"id": "t", "actions": [{"type": "click_selector", "selector": "button"}]},
        {"id": "u", "actions": [{"type": "click_selector", "selector": "#none", "timeout": 0.5}]},
    ]
    with pytest.raises(StepFailed, match=r"step 'u', action 1 \(click_selector '#none'\)"):
        film(tmp_path, site, chromium, steps, mode="continuous")


def test_a_document_that_never_ends_is_an_error(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A page whose own document does not end cannot be used, and is told in the time that was given."""
    site.pages["/"] = html("x")
    site.hanging.add("/")
    with pytest.raises(StepFailed, match=r"did not load within 3 s"):
        try_tour(tmp_path, site, chromium, [{"id": "a", "url": "/"}], default_step_timeout=3)


def test_a_refused_connection_is_not_tried_again(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Where nothing is running, trying again changes nothing."""
    steps = [{"id": "a", "url": f"http://127.0.0.1:{closed_port()}/"}]
    with pytest.raises(StepFailed, match="ERR_CONNECTION_REFUSED") as failed:
        try_tour(tmp_path, site, chromium, steps, max_retries_per_step=2)
    assert "times" not in str(failed.value)


def test_a_script_that_never_returns_is_stopped(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A click whose script runs without end fails in bounded time and by its name, not only when somebody ends it."""
    site.pages["/"] = html("<button onclick='for (;;);'>go</button>")
    steps = [{"id": "a", "url": "/", "actions": [{"type": "click_selector", "selector": "button"}]}]
    with pytest.raises(
        StepFailed, match=r"step 'a', action 1 \(click_selector 'button'\): a script of the page ran for"
    ):
        try_tour(tmp_path, site, chromium, steps, default_step_timeout=4)


def test_a_page_whose_script_never_returns(tmp_path: Path, site: Site, chromium: Path) -> None:
    """So does a page that hangs while it opens."""
    site.pages["/"] = html("<p>x</p><script>setTimeout(() => { for (;;); }, 100)</script>")
    with pytest.raises(StepFailed, match=r"step 'a': a script of the page ran for"):
        try_tour(tmp_path, site, chromium, [{"id": "a", "url": "/"}], default_step_timeout=4)
