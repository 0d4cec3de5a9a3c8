from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = ("Makefile", "pyproject.toml", "requirements/all.txt", "requirements/uv.txt")
SCRIPTS = ("setup/venv.sh", "setup/chromium.sh")
OLD = 1_500_000_000


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what set-up reads, with scripts that only make the folder."""
    for name in INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "setup").mkdir()
    for name in SCRIPTS:
        (tmp_path / name).write_text("mkdir -p .venv\n")
    return tmp_path


def _make(checkout: Path, *arguments: str) -> int:
    return subprocess.run(["make", "-C", str(checkout), *arguments], capture_output=True).returncode


def test_the_second_setup_has_nothing_to_do(checkout: Path) -> None:
    """What was set up is not set up again, also when files were only touched."""
    assert _make(checkout, "-q", "setup") == 1
    assert _make(checkout, "setup") == 0
    (checkout / "requirements" / "all.txt").touch()
    assert _make(checkout, "-q", "setup") == 0


@pytest.mark.parametrize("name", [name for name in (*INPUTS, *SCRIPTS) if name != "Makefile"])
def test_changed_content_is_set_up_whatever_its_date(checkout: Path, name: str) -> None:
    """A lock, project file or script with other content is not taken for the installed one because it is old."""
    assert _make(checkout, "setup") == 0
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    os.utime(checkout / name, (OLD, OLD))
    assert _make(checkout, "-q", "setup") == 1
    assert _make(checkout, "setup") == 0
    assert _make(checkout, "-q", "setup") == 0


def test_an_interpreter_that_the_lock_is_not_made_for_is_refused(tmp_path: Path) -> None:
    """The message names the interpreter and what is needed, and nothing is made."""
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.4" && exit 0\nexit 1\n')
    old.chmod(0o755)
    said = subprocess.run(
        ["sh", str(ROOT / "setup" / "venv.sh"), str(old)], cwd=tmp_path, capture_output=True, text=True
    )
    assert said.returncode == 6
    assert f"PYTHON={old} is not Python 3.11, 3.12 or 3.13: Python 3.10.4" in said.stderr
    assert not (tmp_path / ".venv").exists()
