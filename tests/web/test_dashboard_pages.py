"""What the pages say: filters, families, files, logs, transcripts, and what is broken or was moved away."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app as command_line
from dispatcher.runs.record import Artifact, Group, RunExtras
from dispatcher.runs.store import RunStore
from dispatcher.web import logs, server
from protocol.errors import EnvironmentNotReady
from tests.support import history
from tests.support.dashboards import Dashboard, submitted

NOW = time.time()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Return the address of a database of each sort in turn."""
    return request.getfixturevalue("server") if request.param == "postgresql" else None


def names(page: str) -> list[str]:
    """Return the runs of a page, in order."""
    return re.findall(r'<tr data-run="([^"]+)"', page)


def finished(dashboard: Dashboard, tmp_path: Path, name: str, content: bytes, kind: str = "encode") -> str:
    """Add a run that has one output of this name and content; return its id."""
    path = tmp_path / "results" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    run = history.run_of(7, NOW - 60, kind)
    history.completed(dashboard.store, run, at=NOW, outputs=[history.file_of("output", name, path)])
    return run.id


def test_filters_are_addresses(dashboard: Dashboard) -> None:
    """Each filter, and several at once, shows what the database has of it and nothing else."""
    history.fill(dashboard.store, 60, now=NOW)
    everything = dashboard.store.recent(limit=100)
    tags = dashboard.store.trace.tags([run.id for run in everything])
    for query, wanted in {
        "": lambda run: True,
        "kind=upscale&kind=tts": lambda run: run.kind in ("upscale", "tts"),
        "status=failed": lambda run: run.status == "failed",
        "tag=draft": lambda run: "draft" in tags[run.id],
        "time=week": lambda run: run.created_at > NOW - 7 * 86_400,
        "q=TALK": lambda run: "talk" in run.title,
        "q=out+of+memory": lambda run: "out of memory" in (run.error_text or ""),
        "group=group-000040": lambda run: run.group_id == "group-000040",
        "kind=upscale&status=completed&time=month&q=o": lambda run: (
            run.kind == "upscale" and run.status == "completed" and "o" in (run.title + run.id + (run.worker or ""))
        ),
    }.items():
        page = dashboard.client.get(f"/runs?{query}").text
        expected = {run.id for run in everything if wanted(run)}
        assert f"<b>{len(expected)}</b> run" in page, query
        assert set(names(page)) <= expected
        assert len(names(page)) == min(50, len(expected))


@pytest.mark.parametrize("query", ["time=never", "since=yesterday", "after=rubbish", "until=2026-02-31"])
def test_an_address_that_says_nothing_is_told_so(dashboard: Dashboard, query: str) -> None:
    """A mistyped filter is an answer that says what is wrong, not an empty list and not a crash."""
    answer = dashboard.client.get(f"/runs?{query}")
    assert answer.status_code == 409
    assert "<h1>" in answer.text


def test_pages_follow_each_other_without_a_gap(dashboard: Dashboard) -> None:
    """Going on by "Older" shows every run once, also those of one moment."""
    at = NOW - 100
    for n in range(120):
        dashboard.store.add_or_find(history.run_of(n, at, "echo"))
    seen: list[str] = []
    address: str | None = "/runs?kind=echo"
    while address:
        page = dashboard.client.get(address).text
        seen += names(page)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == len(set(seen)) == 120


def test_children_stand_below_their_parent(dashboard: Dashboard) -> None:
    """A chain of runs is one family, set in, in the order of the work; a group has a heading with its title."""
    dashboard.store.search.begin_group(Group(id="g1", sort="batch", title="two films", created_at=NOW))
    first = history.run_of(1, NOW - 50, "stabilize", group_id="g1")
    other = history.run_of(2, NOW - 40, "echo")
    child = history.run_of(3, NOW - 30, "upscale", parent_id=first.id)
    last = history.run_of(4, NOW - 20, "transcribe", parent_id=child.id)
    for run in (first, other, child, last):
        dashboard.store.add_or_find(run)
    page = dashboard.client.get("/runs").text
    assert names(page) == [first.id, child.id, last.id, other.id]
    assert re.findall(r'class="depth-(\d)"', page) == ["0", "1", "2", "0"]
    assert "two films" in page


def test_short_ids_and_unknown_ones(dashboard: Dashboard) -> None:
    """A run is found by the end of its id; one that is unknown is a page that says so."""
    run = history.run_of(1, NOW, "echo")
    dashboard.store.add_or_find(run)
    assert run.title in dashboard.client.get(f"/runs/{run.id[-8:]}").text
    missing = dashboard.client.get("/runs/nothing")
    assert missing.status_code == 404
    assert "there is no run" in missing.text


def test_a_file_is_served_in_parts_with_its_type(dashboard: Dashboard, tmp_path: Path) -> None:
    """A player may ask for a part; the type is the file's own and no browser may guess another."""
    run = finished(dashboard, tmp_path, "clip.mp4", bytes(range(256)) * 10)
    whole = dashboard.client.get(f"/runs/{run}/files/output/clip.mp4")
    part = dashboard.client.get(f"/runs/{run}/files/output/clip.mp4", headers={"Range": "bytes=10-19"})
    assert (whole.headers["content-type"], len(whole.content)) == ("video/mp4", 2560)
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith("inline")


@pytest.mark.parametrize(
    "name", ["page.html", "picture.svg", "code.js", "x.xhtml", "x.xml", "x.pdf", "noending", "x.SVG"]
)
def test_what_could_act_as_a_page_is_only_saved(dashboard: Dashboard, tmp_path: Path, name: str) -> None:
    """HTML, SVG and whatever is not known to be harmless leaves as an attachment of no type, sandboxed."""
    run = finished(dashboard, tmp_path, name, b"<script>alert(1)</script>")
    headers = dashboard.client.get(f"/runs/{run}/files/output/{name}").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "clip.mp4/../x", "clip.mp4%00"]
)
def test_only_names_of_the_database_are_served(dashboard: Dashboard, tmp_path: Path, name: str) -> None:
    """No name leads to a file that is not this run's own, by whatever spelling."""
    run = finished(dashboard, tmp_path, "clip.mp4", b"film")
    answer = dashboard.client.get(f"/runs/{run}/files/output/{name}")
    assert answer.status_code in (404, 409)
    assert "root:" not in answer.text


def test_a_file_that_was_moved_away_is_said_with_its_digest(dashboard: Dashboard, tmp_path: Path) -> None:
    """The page says which file is gone, or is another one by now, with the sha256; it is not served."""
    run = finished(dashboard, tmp_path, "clip.mp4", b"film")
    (tmp_path / "results" / "clip.mp4").write_bytes(b"another film")
    assert "is a different file now" in dashboard.client.get(f"/runs/{run}").text
    (tmp_path / "results" / "clip.mp4").unlink()
    page = dashboard.client.get(f"/runs/{run}").text
    assert "was moved or removed" in page
    assert "5" * 64 in page
    gone = dashboard.client.get(f"/runs/{run}/files/output/clip.mp4")
    assert gone.status_code == 404
    assert "5" * 64 in gone.text


def test_a_log_of_a_terabyte_is_read_from_its_end(dashboard: Dashboard, tmp_path: Path) -> None:
    """The page shows the last lines, no more than it needs is read, and it follows what is added."""
    path = tmp_path / "worker.log"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole that takes no room, and longer than a test to read
        file.seek(0, 2)
        file.write(b"\n" + b"".join(b"line %d\n" % n for n in range(20_000)))
    run = history.run_of(1, NOW, "upscale")
    dashboard.store.add_or_find(run)
    dashboard.store.trace.keep_files(run.id, [history.file_of("log", "worker.log", path)])
    page = dashboard.client.get(f"/runs/{run.id}").text
    assert "line 19999" in page
    assert len(page) < 3 * logs.TAIL
    (shown,) = re.findall(r'data-next="(\d+)"', page)
    with path.open("ab") as file:
        file.write("one more: é\nhalf a li".encode())
    piece = dashboard.client.get(f"/runs/{run.id}/log", params={"name": "worker.log", "offset": shown}).json()
    assert piece["text"] == "one more: é\n"
    again = dashboard.client.get(f"/runs/{run.id}/log", params={"name": "worker.log", "offset": piece["next"]}).json()
    assert again["text"] == "half a li"


def test_a_log_begun_anew_is_read_anew(tmp_path: Path) -> None:
    """A log that is shorter than it was is shown from its beginning, and a long gap is skipped in whole lines."""
    path = tmp_path / "x.log"
    path.write_text("new\n")
    assert logs.tail(path, 5000).text == "new\n"
    path.write_text("".join(f"line {n:06d}\n" for n in range(20_000)))
    piece = logs.tail(path, 0)
    assert piece.is_cut
    assert piece.text.startswith("line ")
    assert piece.text.endswith("line 019999\n")


def test_no_log_is_said(dashboard: Dashboard) -> None:
    """A run without a log says why there is none, and one whose log was moved away says that."""
    run = history.run_of(1, NOW, "upscale")
    history.completed(dashboard.store, run, at=NOW)
    assert "arrives when the run has ended" in dashboard.client.get(f"/runs/{run.id}").text
    dashboard.store.trace.settled(run.id, at=NOW)
    assert "There is no log." in dashboard.client.get(f"/runs/{run.id}").text
    gone = Artifact(role="log", name="w.log", path="/nowhere/w.log", size=1, sha256="0" * 64)
    dashboard.store.trace.keep_files(run.id, [gone])
    assert "the log /nowhere/w.log cannot be read" in dashboard.client.get(f"/runs/{run.id}").text


def test_a_transcript_is_shown_with_its_times(dashboard: Dashboard, tmp_path: Path) -> None:
    """Each sentence stands with its second beside a player of the source."""
    source = tmp_path / "talk.wav"
    source.write_bytes(b"RIFF")
    path = tmp_path / "source.json"
    path.write_text(json.dumps({"segments": [{"start": 61.5, "end": 63, "text": "Ask not <b>"}], "language": "en"}))
    run = history.run_of(1, NOW, "transcribe")
    history.completed(
        dashboard.store,
        run,
        at=NOW,
        inputs=[history.file_of("input", "source", source)],
        outputs=[history.file_of("output", "source.json", path)],
    )
    page = dashboard.client.get(f"/runs/{run.id}").text
    assert 'data-start="61.5"' in page
    assert "1:01" in page
    assert "Ask not &lt;b&gt;" in page
    assert f'<audio controls preload="metadata" src="/runs/{run.id}/files/input/source"' in page
    assert dashboard.client.get(f"/runs/{run.id}/files/input/source").headers["content-type"] == "audio/wav"


def test_cancel_and_retry_by_forms(dashboard: Dashboard, tmp_path: Path) -> None:
    """Without scripts too: a form cancels a real run, another makes the run that tries again."""
    run = submitted(dashboard, tmp_path)
    answer = dashboard.client.post(f"/runs/{run.id}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    ended = dashboard.store.get(run.id)
    assert ended.status == "cancelled"
    assert "dashboard" in (ended.error_text or "")
    assert dashboard.client.post(f"/runs/{run.id}/cancel").status_code == 409
    again = dashboard.client.post(f"/runs/{run.id}/retry").headers["location"].rpartition("/")[2]
    assert again != run.id
    assert dashboard.store.get(again).is_open
    assert dashboard.client.post(f"/runs/{run.id}/rerun").status_code == 409  # the same job is open as that run


def test_tags_are_added_and_removed(dashboard: Dashboard) -> None:
    """Several words make several tags; one that is too long is refused."""
    run = history.run_of(1, NOW, "echo")
    dashboard.store.add_or_find(run, extras=RunExtras(tags=["old"]))
    assert dashboard.client.post(f"/runs/{run.id}/tags", data={"add": "night, client-a"}).status_code == 303
    assert dashboard.client.post(f"/runs/{run.id}/tags", data={"remove": "old"}).status_code == 303
    assert dashboard.store.trace.tags([run.id])[run.id] == ["client-a", "night"]
    assert dashboard.client.post(f"/runs/{run.id}/tags", data={"add": "x" * 65}).status_code == 409
    assert dashboard.client.post(f"/runs/{run.id}/tags", data={"add": "x" * 20_000}).status_code == 409


def test_a_database_of_a_later_version_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends with what to do, and serves nothing."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path))
    with RunStore.open(tmp_path / "runs.sqlite3"):
        pass
    import sqlite3

    with sqlite3.connect(tmp_path / "runs.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_later'")
    connection.close()
    with pytest.raises(EnvironmentNotReady, match=r"later gpudrop.*upgrade"):
        CliRunner().invoke(command_line, ["dashboard", "--no-browser"], catch_exceptions=False)


def test_a_taken_port_is_said_with_its_hint() -> None:
    """A port that was asked for and is taken is an error that names --port; without one another is found."""
    with server.listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentNotReady, match=rf"port {port} .* is taken.*--port"):
            server.listen(port)
    with server.listen(None) as one, server.listen(None) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
