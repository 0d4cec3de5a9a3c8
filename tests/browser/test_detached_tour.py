"""A tour in the background: followed, watched and cancelled by its id, like any run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser, pytest.mark.films]
ROOT = Path(__file__).parent.parent.parent


class Here:
    """Commands of a user whose data is in a folder of its own."""

    def __init__(self, folder: Path, chromium: Path) -> None:
        self.folder = folder
        self._env = {**os.environ, "GPUDROP_DATA_DIR": str(folder / "data"), "GPUDROP_CHROMIUM": str(chromium)}
        self._env |= {"PYTHONPATH": str(ROOT), "GPUDROP_CONFIG_DIR": str(folder / "config")}

    def gpudrop(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end and return what it printed."""
        command = [sys.executable, "-m", "dispatcher.cli", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=150, cwd=self.folder, env=self._env, check=False
        )
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.gpudrop(*arguments, "--json"))


@pytest.fixture
def here(tmp_path: Path, site: Site, chromium: Path) -> Here:
    """Return a folder with a spec whose tour takes half a minute."""
    site.pages["/"] = html("<h1>Hello</h1>")
    step = {"id": "one", "url": "/", "narration": "Hello.", "actions": [{"type": "pause", "seconds": 2}]}
    settings = {"viewport": "320x180", "default_step_timeout": 20, "base_url": site.url}
    for name, seconds in (("short", 1), ("long", 60)):
        step["actions"] = [{"type": "pause", "seconds": seconds}]
        spec = {"meta": {"title": f"A {name} tour"}, "settings": settings, "steps": [step]}
        spec["output"] = {"path": f"{name}.mp4", "video_preset": "ultrafast"}
        (tmp_path / f"{name}.json").write_text(json.dumps(spec))
    return Here(tmp_path, chromium)


def test_a_detached_tour_is_followed_to_its_end(here: Here) -> None:
    """Its id is known at once; its log ends with it; watching it ends well; its video is there."""
    tour = here.gpudrop("tour", "short.json", "--detach").strip()
    assert here.told("runs", "show", tour)["status"] == "running"
    assert [it["id"] for it in here.told("status", "--no-look")["runs"]][-1] == tour
    log = here.gpudrop("runs", "logs", "-f", tour)
    assert "recording" in log
    assert f"tour {tour} completed" in log
    here.gpudrop("runs", "watch", tour)
    told = here.told("runs", "show", "a short tour")
    assert (told["id"], told["status"], Path(told["film"]).is_file()) == (tour, "completed", True)
    assert [it["kind"] for it in told["runs"]] == ["tts"]
    assert told["runs"][0]["worker"]
    assert told["runs"][0]["run_s"] is not None


def test_a_detached_tour_is_cancelled_and_recorded_again(here: Here) -> None:
    """Its process ends with it, and leaves no video; a retry is a new tour of the same command, in the same folder."""
    tour = here.gpudrop("tour", "long.json", "--detach").strip()
    for _ in range(100):
        config = here.told("runs", "show", tour)
        if (log := config["log"]) and "recording" in Path(log).read_text():
            break
        subprocess.run(["sleep", "0.3"], check=True)
    here.gpudrop("runs", "cancel", tour)
    told = here.told("runs", "show", tour)
    assert (told["status"], told["error"]["text"]) == ("cancelled", "cancelled by the user")
    assert not (here.folder / "long.mp4").exists()
    here.gpudrop("runs", "cancel", tour, code=1)
    again = here.told("runs", "retry", tour)
    assert (again["repeats"], again["status"]) == (tour, "running")
    here.gpudrop("runs", "cancel", again["id"])
    here.gpudrop("runs", "rm", tour, again["id"], "--yes")
    assert [it["kind"] for it in here.told("runs", "ls")["runs"] if it["kind"] == "tour"] == []
