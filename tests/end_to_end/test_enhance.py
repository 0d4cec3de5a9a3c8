"""Better words through a real worker: a text file by its command, and a tour's narration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.drops import ROOT

SPEC = {
    "settings": {"lexicon": {"nginx": "engine x"}},
    "steps": [
        {
            "id": "one",
            "url": "about:blank",
            "narration": "so, um, we click on the the *Save* button [pause 0.2s] in nginx",
        },
        {"id": "two", "url": "about:blank", "narration": "All is well here."},
        {"id": "three", "url": "about:blank"},
    ],
}


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return an environment of its own."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith("GPUDROP_")}
    return {**keep, "GPUDROP_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def gpudrop(home: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from dispatcher.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


def test_a_text_file_by_one_command(tmp_path: Path, home: dict[str, str]) -> None:
    """The whole text and its pairs lie beside the file, named after it; the engine is labelled."""
    (tmp_path / "notes.txt").write_text("# Title\n\nso, we open the the file\n")
    ran = gpudrop(home, "enhance", tmp_path / "notes.txt", "--json")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "notes.enhanced.txt").read_text() == "# Title\n\nWe open the file.\n"
    (made,) = json.loads(ran.stdout)["made"]
    assert (made["engine"]["name"], made["engine"]["tier"]) == ("rules", "embedded")
    assert made["summary"]["changed"] == 1
    (tmp_path / "read.md").write_text("# Title\n\nso, we open the the file\n")
    assert gpudrop(home, "enhance", tmp_path / "read.md").returncode == 0
    assert (tmp_path / "read.enhanced.md").read_text() == "# Title\n\nWe open the file.\n"


def test_a_tour_speaks_what_was_accepted(tmp_path: Path, home: dict[str, str]) -> None:
    """The difference is shown, the new words are spoken, the spec stays, and a new one is written beside it."""
    spec = tmp_path / "tour.json"
    spec.write_text(json.dumps(SPEC))
    flags = ["--enhance", "--yes", "--enhanced-spec", tmp_path / "better.json", "--dry-run", "--json"]
    ran = gpudrop(home, "tour", spec, *flags)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["enhancement"] == {
        "engine": "rules 1 (embedded, cpu)", "accepted": ["one"], "declined": [], "kept": {},
    }  # fmt: skip
    events = [json.loads(line) for line in ran.stderr.splitlines()]
    (shown,) = [event for event in events if event["event"] == "enhanced"]
    better = "We click the *Save* button [pause 0.2s] in nginx."
    assert [(step["step"], step["after"]) for step in shown["steps"]] == [("one", better)]
    assert json.loads((tmp_path / "better.json").read_text())["steps"][0]["narration"] == better
    assert json.loads(spec.read_text()) == SPEC

    # The clips of the better spec are kept: they are the same words.
    again = gpudrop(home, "tour", tmp_path / "better.json", "--dry-run", "--skip-tts", "--work-dir", tmp_path / "w")
    assert again.returncode == 0, again.stderr


def test_the_preview_says_the_new_words(tmp_path: Path, home: dict[str, str]) -> None:
    """--show-spoken with --enhance speaks nothing, and prints what would be said."""
    spec = tmp_path / "tour.json"
    spec.write_text(json.dumps(SPEC))
    ran = gpudrop(home, "tour", spec, "--enhance", "--yes", "--show-spoken")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("one: We click the *Save* button [pause 0.2s] in engine x.")
    assert "[-so, um, we-]{+We+}" in ran.stderr
    assert not (tmp_path / ".tour-work" / "audio").exists()
