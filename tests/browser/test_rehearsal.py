"""`--rehearse` as a user runs it: every step in seconds, nothing spoken, nothing recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.test_tour import record
from tests.support.acting import write_tour
from tests.support.pages import Site, html
from tests.tour.test_reachable import closed_port

pytestmark = [pytest.mark.browser]
STEPS = [
    {
        "id": "home",
        "url": "/",
        "narration": "A long text. " * 20,
        "actions": [
            {"type": "pause", "seconds": 60},
            {"type": "type_text", "selector": "input", "text": "word " * 200},
            {"type": "click_selector", "selector": "button"},
        ],
        "assertions": [{"type": "title_contains", "value": "word word"}],
    },
    {"id": "asks", "url": "/", "actions": [{"type": "click_selector", "selector": "#ask"}]},
]
PAGE = """<input><button onclick="document.title=document.querySelector('input').value">go</button>
<button id=ask onclick="confirm('Sure?')">ask</button>"""


def test_a_rehearsal(tmp_path: Path, site: Site, chromium: Path) -> None:
    """Each step is told with its time, what is to be warned of too; no narration and no video is made."""
    site.pages["/"] = html(PAGE)
    spec = write_tour(tmp_path, site, STEPS)
    done = record(spec, "--rehearse")
    assert done.returncode == 0, done.stderr
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == ["home: ok", "asks: ok", "all 2 steps work"]
    assert "step 'asks', action 1 (click_selector '#ask'): the page opened a confirm (Sure?)" in done.stderr
    assert not list(tmp_path.rglob("*.mp4"))
    assert not list(tmp_path.rglob("*.wav"))
    told = json.loads(record(spec, "--rehearse", "--json").stdout)
    assert [step["id"] for step in told["rehearsed"]] == ["home", "asks"]
    assert sum(step["seconds"] for step in told["rehearsed"]) < 30
    assert "Sure?" in told["warnings"][0]


def test_a_step_that_does_not_work(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The first step that does not work ends the rehearsal, with a picture of it."""
    site.pages["/"] = html(PAGE)
    steps = [{"id": "a", "url": "/", "actions": [{"type": "hover", "selector": "#none", "timeout": 0.3}]}]
    done = record(write_tour(tmp_path, site, steps), "--rehearse")
    assert done.returncode == 1
    assert "step 'a', action 1 (hover '#none')" in done.stderr
    assert (tmp_path / ".tour-work" / "failures" / "a" / "screenshot.png").exists()


def test_a_failing_step_is_tried_once(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A rehearsal never retries, whatever the spec says; while it waits it says for what, and it videos nothing."""
    site.pages["/"] = html(PAGE)
    wait = {"type": "wait_for_selector", "selector": "#none", "timeout": 9}
    steps = [{"id": "a", "url": "/"}, {"id": "b", "url": "/", "actions": [wait]}]
    done = record(write_tour(tmp_path, site, steps, max_retries_per_step=2), "--rehearse")
    assert done.returncode == 1
    assert site.asked.count("/") == 2
    assert "recorded" not in done.stderr
    assert "still waiting for step 'b', action 1 (wait_for_selector '#none') after" in done.stderr


@pytest.mark.parametrize("other", ["--dry-run", "--detach", "--show-spoken"])
def test_a_rehearsal_and_something_else(tmp_path: Path, site: Site, other: str) -> None:
    """What excludes a rehearsal is a wrong use."""
    done = record(write_tour(tmp_path, site, STEPS), "--rehearse", other)
    assert done.returncode == 2
    assert "--rehearse" in done.stderr


def test_without_the_application_nothing_is_spoken(tmp_path: Path, site: Site, chromium: Path) -> None:
    """A refused connection is told at once, with exit code 6, before any narration is made."""
    spec = write_tour(tmp_path, site, STEPS, base_url=f"http://127.0.0.1:{closed_port()}")
    for more in ([], ["--rehearse"]):
        done = record(spec, *more)
        assert done.returncode == 6
        assert "nothing is running there" in done.stderr
        assert "narration" not in done.stderr.replace("by its text", "")
    assert not list(tmp_path.rglob("*.wav"))
