"""Two recordings at once: never in one work folder, always on one drop."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from dispatcher.tour.session import locked
from tests.browser.test_tour import command, record, write_spec
from tests.support.drops import make_drop, worker


def test_one_work_folder_serves_one_recording(tmp_path: Path) -> None:
    """The second is told who is there and what to do, before anything of the first is touched; later it works."""
    spec = write_spec(tmp_path, "http://127.0.0.1:9")
    folder = tmp_path / "work"
    with locked(folder):
        refused = record(spec, "--dry-run", "--work-dir", str(folder))
    assert refused.returncode == 6
    assert str(folder) in refused.stderr
    assert "--work-dir" in refused.stderr
    assert record(spec, "--dry-run", "--work-dir", str(folder)).returncode == 0


def test_two_recordings_share_a_drop(tmp_path: Path) -> None:
    """Two tours that begin in the same moment, with one worker: each gets its own words, spoken once each."""
    drop = make_drop(tmp_path / "drop")
    started = []
    with worker(tmp_path / "drop", "--beat", "0.4", "--poll", "0.1"):
        for name in ("one", "two"):
            text = {"steps": [{"id": "a", "url": "about:blank", "narration": f"This is tour {name}."}]}
            spec = write_spec(tmp_path / name, "http://127.0.0.1:9", **text)
            line, environment = command(
                spec, "--dry-run", "--json", "--tts-backend", "colab", "--colab-drive-path", str(tmp_path / "drop")
            )
            started.append(subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True))
        told = [json.loads(process.communicate(timeout=100)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0]
    clips = [Path(each["narration"]["a"]["wav"]) for each in told]
    assert clips[0].read_bytes() != clips[1].read_bytes()
    assert len(list(drop.glob("*/request.json"))) == 2
