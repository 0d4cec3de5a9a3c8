"""docs/first-tour.md, followed to the letter in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "first-tour.md").read_text("utf-8")
FILES = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^\$ (gpudrop .+)$", PAGE, re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Save what the page says to save."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command)
    environment = {**os.environ, "GPUDROP_DATA_DIR": str(folder / "data"), "GPUDROP_HOME": str(folder)}
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_page_names_its_files_and_commands() -> None:
    """Two files, and a check, a look, a recording and one with zoom."""
    assert list(FILES) == ["shop.html", "tour.json"]
    assert [shlex.split(it)[1] for it in COMMANDS] == ["doctor", "tour", "tour", "tour"]


def test_the_mistake_that_the_page_suggests_is_told(folder: Path) -> None:
    """With its place and the fix."""
    spec = folder / "tour.json"
    spec.write_text(spec.read_text().replace('"selector": "#buy"', '"slector": "#buy"'))
    ran = _run("gpudrop tour tour.json --show-spoken", folder)
    assert ran.returncode == 5
    assert "$.steps[1].actions[1].slector" in ran.stderr
    assert "did you mean 'selector'" in ran.stderr


@pytest.mark.browser
@pytest.mark.films
@pytest.mark.slow
def test_the_commands_do_what_the_page_says(folder: Path) -> None:
    """Each ends well; the files are there that it names; a changed sentence alone is spoken again."""
    said = [_run(command, folder) for command in COMMANDS[:3]]
    assert [it.returncode for it in said] == [0, 0, 0], said[-1].stderr
    assert "Type the tea you want, and press Order." in said[1].stdout
    assert said[2].stdout.splitlines()[-1] == str(folder / "tour.mp4")
    for name in ("tour.mp4", "tour.srt", "tour.vtt", "tour.report.json", ".tour-work"):
        assert (folder / name).exists()
        assert f"`{name}" in PAGE
    spec = json.loads((folder / "tour.json").read_text())
    spec["steps"][0]["narration"] = "Welcome to the tea shop."
    (folder / "tour.json").write_text(json.dumps(spec))
    again = _run(COMMANDS[3], folder)
    assert again.returncode == 0, again.stderr
    assert "2 clips (1 cached)" in again.stderr
    assert (folder / "closer.mp4").is_file()
