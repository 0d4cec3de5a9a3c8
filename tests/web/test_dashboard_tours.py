"""Tours on the dashboard: films, steps, pictures of them, and reports that are gone or lie."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from dispatcher.runs.record import Group
from dispatcher.web import tour_report
from tests.support.dashboards import Dashboard
from tests.support.odd_media import film

FAILED = {"type": "url_contains", "expected": "/x", "ok": False}
STEPS = [
    {
        "id": "open",
        "title": "Open it",
        "narration": "Here <it> is.",
        "start": 0.0,
        "capture_seconds": 0.5,
        "retries": 1,
    },
    {"id": "end", "title": "", "narration": "", "start": 0.5, "capture_seconds": 0.5, "assertions": [FAILED]},
]


def tour(dashboard: Dashboard, folder: Path, **changed: Any) -> Group:
    """Add a tour with a film of a second and its report."""
    path = folder / "film.mp4"
    if not path.exists():
        film(path)
    told = {
        "title": "A tour",
        "video": str(path),
        "seconds": 1.0,
        "engine": "espeak",
        "warnings": ["short"],
        "steps": STEPS,
    }
    report = folder / "film.report.json"
    report.write_text(json.dumps(told | changed))
    group = Group(id="t1", sort="tour", title="a tour", created_at=time.time(), status="completed", report=str(report))
    dashboard.store.search.begin_group(group)
    return group


def test_a_tour_shows_its_film_and_steps(dashboard: Dashboard, tmp_path: Path) -> None:
    """The page has the film, each step with a picture of where it begins, its narration, retries and assertions."""
    tour(dashboard, tmp_path)
    page = dashboard.client.get("/tours/t1").text
    assert "Here &lt;it&gt; is." in page
    assert "recorded 2 times" in page
    assert "✗ url_contains /x" in page
    assert "2. end" in page
    assert "A tour" in dashboard.client.get("/tours").text
    shown = dashboard.client.get("/tours/t1/film", headers={"Range": "bytes=0-3"})
    assert (shown.status_code, shown.headers["content-type"], len(shown.content)) == (206, "video/mp4", 4)
    picture = dashboard.client.get("/tours/t1/steps/1.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    assert dashboard.client.get("/tours/t1/steps/2.jpg").status_code == 404


def test_a_picture_is_made_once(dashboard: Dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time it comes from the disk; a film that is another one by now gets another picture."""
    tour(dashboard, tmp_path)
    made: list[float] = []
    make = tour_report._make
    monkeypatch.setattr(tour_report, "_make", lambda *given: (made.append(given[1]), make(*given)))
    assert (
        dashboard.client.get("/tours/t1/steps/0.jpg").content == dashboard.client.get("/tours/t1/steps/0.jpg").content
    )
    assert len(made) == 1
    with (tmp_path / "film.mp4").open("ab") as file:
        file.write(b"\0\0\0\x08free")
    assert dashboard.client.get("/tours/t1/steps/0.jpg").status_code == 200
    assert len(made) == 2


def test_old_pictures_are_forgotten(dashboard: Dashboard, tmp_path: Path) -> None:
    """The pictures do not grow for ever: with a new one go those that were made more than a month ago."""
    tour(dashboard, tmp_path)
    dashboard.client.get("/tours/t1/steps/0.jpg")
    folder = Path(dashboard.built.state.settings.data_dir) / "dashboard" / "thumbnails"
    (old,) = folder.glob("*.jpg")
    long_ago = time.time() - tour_report.KEEP_S - 60
    os.utime(old, (long_ago, long_ago))
    assert dashboard.client.get("/tours/t1/steps/1.jpg").status_code == 200
    assert not old.exists()


def test_a_film_that_was_moved_away_is_said(dashboard: Dashboard, tmp_path: Path) -> None:
    """The steps stay, the page says where the film was, and nothing is served in its place."""
    tour(dashboard, tmp_path)
    (tmp_path / "film.mp4").unlink()
    page = dashboard.client.get("/tours/t1").text
    assert "was moved or removed" in page
    assert "Open it" in page
    assert dashboard.client.get("/tours/t1/film").status_code == 404
    assert dashboard.client.get("/tours/t1/steps/0.jpg").status_code == 404


@pytest.mark.parametrize("named", ["/etc/passwd", "../../etc/passwd", "film.report.json", "", "{elsewhere}/mine.mp4"])
def test_a_report_cannot_name_another_file(dashboard: Dashboard, tmp_path: Path, named: str) -> None:
    """Whatever a report calls its film, only a film beside it is ever opened."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.mp4").write_bytes(b"root: a film that is nobody's business")
    tour(dashboard, tmp_path, video=named.format(elsewhere=elsewhere))
    answer = dashboard.client.get("/tours/t1/film")
    assert answer.status_code == 404
    assert "root:" not in answer.text


@pytest.mark.parametrize("content", [None, "no json", "[]", '{"steps": [{}]}', '{"seconds": -1}'])
def test_a_report_that_is_gone_or_broken_is_said(dashboard: Dashboard, tmp_path: Path, content: str | None) -> None:
    """The page says what is wrong with the report, and the list stands."""
    group = tour(dashboard, tmp_path)
    report = Path(group.report or "")
    report.unlink() if content is None else report.write_text(content)
    page = dashboard.client.get("/tours/t1").text
    assert ("was moved away" in page) if content is None else ("is no report of a tour" in page)
    assert dashboard.client.get("/tours").status_code == 200
