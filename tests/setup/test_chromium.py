"""Set-up and the recorder agree on what is a browser: set-up asks the recorder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSWERS = 'echo "Chromium 150"'


def program(path: Path, body: str) -> Path:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def set_up(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script as somebody who is not root and has no terminal, and no browser but those of `folder`."""
    program(folder / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
    program(folder / "bin" / "id", "echo 1000")
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "YES", "GPUDROP_CHROMIUM")}
    own = {"PATH": str(folder / "bin"), "PYTHONPATH": str(ROOT), "PLAYWRIGHT_BROWSERS_PATH": str(folder / "none")}
    return subprocess.run(
        ["/bin/sh", str(ROOT / "setup" / "chromium.sh")],
        cwd=folder,
        env={**kept, **own, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("browser", "is_one"),
    [
        (ANSWERS, True),
        (f"# this is no snap\n{ANSWERS}", True),
        (f"{ANSWERS}\nexec /snap/bin/chromium", False),
        ("exit 3", False),
    ],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac's browsers are found by their own places")
def test_a_browser_is_what_the_recorder_takes_for_one(tmp_path: Path, browser: str, is_one: bool) -> None:
    """A script that only asks for a snap, and a program that does not run, are none."""
    program(tmp_path / "bin" / "chromium", browser)
    told = set_up(tmp_path)
    assert told.returncode == (0 if is_one else 6), told.stderr
    assert is_one or "no Chromium found" in told.stderr


def test_the_browser_that_is_named_is_taken(tmp_path: Path) -> None:
    """One that does not exist is told in the recorder's words, and nothing is installed instead."""
    named = program(tmp_path / "my browser", ANSWERS)
    assert set_up(tmp_path, GPUDROP_CHROMIUM=str(named)).returncode == 0
    told = set_up(tmp_path, GPUDROP_CHROMIUM=str(tmp_path / "none"), YES="1")
    assert told.returncode == 6
    assert "does not exist" in told.stderr
