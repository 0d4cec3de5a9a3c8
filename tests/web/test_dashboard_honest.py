"""What a page says is so: failed tours show where, cancelled ones did not fail, errors stand once, texts are shown."""

from __future__ import annotations

import html
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.runs.record import Artifact, AttemptRecord, Ended, Group, Run
from protocol.integrity import sha256_of
from tests.support.dashboards import Dashboard

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def tour(dashboard: Dashboard, **changed: Any) -> Group:
    """Add a tour that has ended."""
    now = time.time()
    made = Group(id="t1", sort="tour", title="A tour", created_at=now - 60, ended_at=now, status="failed", machine="m")
    made = replace(made, **changed)
    dashboard.store.tours.begin(made)
    return made


def page(dashboard: Dashboard, path: str) -> str:
    answer = dashboard.client.get(path)
    assert answer.status_code == 200
    return answer.text


def test_a_failed_tour_shows_the_page_at_which_it_failed(dashboard: Dashboard, tmp_path: Path) -> None:
    """On its own page and in the list; without the picture neither is broken."""
    (tmp_path / "screenshot.png").write_bytes(PNG)
    config = {"failed": {"step": "one", "kept": str(tmp_path)}}
    tour(dashboard, error_text="step 'one' failed", execution_config=config)
    assert '<img class="failure" src="/tours/t1/failure.png"' in page(dashboard, "/tours/t1")
    assert 'src="/tours/t1/failure.png"' in page(dashboard, "/tours")
    shown = dashboard.client.get("/tours/t1/failure.png")
    assert (shown.headers["content-type"], shown.content) == ("image/png", PNG)
    (tmp_path / "screenshot.png").unlink()
    assert "failure.png" not in page(dashboard, "/tours/t1") + page(dashboard, "/tours")
    assert dashboard.client.get("/tours/t1/failure.png").status_code == 404


@pytest.mark.parametrize(
    ("changed", "words", "not_words"),
    [
        ({"status": "cancelled", "error_text": "interrupted"}, "<h2>Cancelled</h2>", "It failed"),
        ({"status": "crashed", "error_text": "gone"}, "<h2>The process ended unexpectedly</h2>", "It failed"),
        ({"status": "completed", "execution_config": {"dry_run": True}}, "dry run", "No report was written"),
        ({"status": "completed"}, "No report was written", "dry run"),
        ({"error_text": "step 'one' failed"}, "<h2>It failed</h2>", "No report was written"),
    ],
    ids=["cancelled", "crashed", "dry run", "no report", "failed"],
)
def test_a_tour_is_shown_as_what_it_is(
    dashboard: Dashboard, changed: dict[str, Any], words: str, not_words: str
) -> None:
    """Its status and how it ended, and nothing that is not so."""
    tour(dashboard, **changed)
    shown = page(dashboard, "/tours/t1")
    assert words in shown
    assert not_words not in shown
    if changed.get("execution_config"):
        assert "dry run" in page(dashboard, "/tours")


def test_a_tour_under_way_is_on_the_first_page(dashboard: Dashboard) -> None:
    """As long as it is recorded, also while none of its runs is open."""
    tour(dashboard, status="running", ended_at=None, machine="elsewhere")
    assert 'href="/tours/t1">A tour' in page(dashboard, "/")


def test_the_first_page_counts_what_status_counts(dashboard: Dashboard) -> None:
    """Runs and tours: open ones of any age, others of the last 24 hours; the list behind a number is as long as it."""
    old = time.time() - 2 * 86_400
    run(dashboard, id="r1", key="1", job="r1", created_at=old)
    run(dashboard, id="r2", key="2", job="r2", created_at=old)
    run(dashboard, id="r3", key="3", job="r3")
    for run_id in ("r2", "r3"):
        dashboard.store.commit(run_id, "failed", at=time.time(), error_code="ENGINE", error_text="x")
    tour(dashboard, status="failed")
    there = {"GPUDROP_DATA_DIR": str(dashboard.settings.data_dir)}
    answer = CliRunner(env=there).invoke(app, ["status", "--no-look", "--json"])
    assert json.loads(answer.stdout)["counts"] == {"pending": 1, "failed": 2}
    first = page(dashboard, "/")
    assert '<b data-count="pending">1</b>' in first
    assert '<b data-count="failed">2</b>' in first
    assert 'href="/runs?status=failed&amp;time=day"' in first
    assert "<b>2</b> runs" in page(dashboard, "/runs?status=failed&time=day")
    assert 'href="/tours/t1">' in first


def test_tours_are_listed_among_runs(dashboard: Dashboard) -> None:
    """Also one without a run of its own; the kind `tour` shows tours alone, and pages of them follow each other."""
    run(dashboard)
    tour(dashboard)
    everything = page(dashboard, "/runs")
    assert "<b>2</b> runs" in everything
    assert 'href="/tours/t1"' in everything
    only = page(dashboard, "/runs?kind=tour")
    assert "<b>1</b> run" in only
    assert 'href="/runs/r1"' not in only
    assert 'name="kind" value="tour" checked' in only
    assert 'href="/tours/t1"' not in page(dashboard, "/runs?kind=enhance")
    for number in range(2, 60):
        tour(dashboard, id=f"t{number}", created_at=time.time() - number)
    first = page(dashboard, "/runs?kind=tour")
    [older] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = page(dashboard, html.unescape(older))
    found = re.findall(r'href="/tours/(t[0-9]+)"', first) + re.findall(r'href="/tours/(t[0-9]+)"', second)
    assert sorted(found) == sorted(f"t{number}" for number in range(1, 60))


def test_private_drops_share_one_line_of_the_chart(dashboard: Dashboard) -> None:
    """Each tour has a private drop of its own, and they are one series; a shared drop keeps its address."""
    machine = dashboard.settings.machine
    for number, (drop, backend, where) in enumerate(
        [
            ("/films/.one-work/drop", "local", machine),
            ("/films/.two-work/drop", "local", machine),
            ("/films/.far-work/drop", "local", "attic"),
            ("/gdrive/gpudrop", "colab", machine),
        ]
    ):
        run(
            dashboard,
            id=f"r{number}",
            key=f"{number}",
            job=f"r{number}",
            drop=drop,
            drop_id=f"{number}" * 16,
            machine=where,
            execution_config={"backend": backend},
            claim_delay_s=1.0,
        )
    legend = re.findall(r'<span class="path">([^<]+)</span>', page(dashboard, "/"))
    assert sorted(legend) == ["/gdrive/gpudrop", "attic, private drops", "this machine, private drops"]


def test_the_player_has_the_captions(dashboard: Dashboard, tmp_path: Path) -> None:
    """Those beside the film that browsers understand; files that a report names elsewhere are not served."""
    film, report = tmp_path / "film.mp4", tmp_path / "film.report.json"
    film.write_bytes(b"film")
    (tmp_path / "film.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello.\n")
    told = {"title": "A tour", "video": str(film), "seconds": 1.0, "captions": ["/x/film.srt", "/etc/film.vtt"]}
    report.write_text(json.dumps(told))
    tour(dashboard, status="completed", report=str(report))
    assert '<track kind="captions"' in page(dashboard, "/tours/t1")
    shown = dashboard.client.get("/tours/t1/captions.vtt")
    assert shown.headers["content-type"].startswith("text/vtt")
    assert "Hello." in shown.text
    (tmp_path / "film.vtt").unlink()
    assert "<track" not in page(dashboard, "/tours/t1")
    assert dashboard.client.get("/tours/t1/captions.vtt").status_code == 404


def run(dashboard: Dashboard, **changed: Any) -> Run:
    """Add an open run."""
    plain: dict[str, Any] = {
        "id": "r1",
        "key": "k",
        "kind": "enhance",
        "status": "pending",
        "drop": "/drop",
        "drop_id": "d" * 16,
        "job": "r1",
        "digest": "d",
        "request": b"{}",
        "created_at": time.time(),
        "updated_at": time.time(),
    }
    made = Run(**(plain | changed))
    dashboard.store.add_or_find(made)
    return made


def test_an_error_stands_once(dashboard: Dashboard) -> None:
    """At the top; timeline and attempts do not repeat it, but tell of other errors."""
    run(dashboard)
    text = "the model could not be loaded"
    attempts = [
        AttemptRecord(
            nonce="a", n=1, worker="w", status="failed", seen_at=1.0, error_code="ENGINE", error_text="first"
        ),
        AttemptRecord(nonce="b", n=2, worker="w", status="failed", seen_at=2.0, error_code="ENGINE", error_text=text),
    ]
    ended = Ended(attempts=attempts)
    dashboard.store.commit("r1", "failed", at=time.time(), error_code="ENGINE", error_text=text, ended=ended)
    shown = page(dashboard, "/runs/r1")
    assert shown.count(text) == 1
    assert shown.count("first") == 1


def artifact(path: Path, role: str, name: str) -> Artifact:
    size, sha256 = sha256_of(path)
    return Artifact(role=role, name=name, path=str(path), size=size, sha256=sha256)  # type: ignore[arg-type]


def test_a_text_written_anew_shows_what_has_changed(dashboard: Dashboard, tmp_path: Path) -> None:
    """What went out and what came in, escaped; the data for programs beside it is not shown."""
    before, after, data = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "b.json"
    before.write_text("So the <b>button</b> is pressed.")
    after.write_text("The <b>button</b> is pressed.")
    data.write_text('{"secret_of_programs": 1}')
    run(dashboard)
    files = [artifact(before, "input", "source"), artifact(after, "output", "source.enhanced.txt")]
    files.append(artifact(data, "output", "source.enhanced.json"))
    dashboard.store.commit("r1", "completed", at=time.time(), ended=Ended(files=files))
    shown = page(dashboard, "/runs/r1")
    assert "<del>So the</del>" in shown
    assert "<ins>The</ins>" in shown
    assert "&lt;b&gt;button" in shown
    assert "secret_of_programs" not in shown


def test_a_long_text_is_shown_from_its_beginning(dashboard: Dashboard, tmp_path: Path) -> None:
    """Without changes, for comparing it would take long; and it is said that there is more."""
    long = tmp_path / "long.txt"
    long.write_text("word " * 10_000)
    run(dashboard)
    dashboard.store.commit(
        "r1", "completed", at=time.time(), ended=Ended(files=[artifact(long, "output", "source.enhanced.txt")])
    )
    shown = page(dashboard, "/runs/r1")
    assert "Only the beginning is shown" in shown
    assert shown.count("word ") < 5_000
