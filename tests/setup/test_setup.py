from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INPUTS = ("Makefile", "pyproject.toml", "requirements/all.txt", "requirements/everything.txt", "requirements/uv.txt")
SCRIPTS = ("setup/venv.sh", "setup/chromium.sh")
ALL_ONLY = "requirements/everything.txt"
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
    shutil.copy(ROOT / "setup" / "next.sh", tmp_path / "setup")
    (tmp_path / "setup" / "everything.sh").write_text("mkdir -p .venv-all\n")
    return tmp_path


def _make(checkout: Path, *arguments: str) -> int:
    return subprocess.run(["make", "-C", str(checkout), *arguments], capture_output=True).returncode


def test_the_second_setup_has_nothing_to_do(checkout: Path) -> None:
    """What was set up is not set up again, also when files were only touched."""
    assert _make(checkout, "-q", "setup") == 1
    assert _make(checkout, "setup") == 0
    (checkout / "requirements" / "all.txt").touch()
    assert _make(checkout, "-q", "setup") == 0


def test_setup_ends_with_the_next_command_and_the_space_used(checkout: Path) -> None:
    """Also when there was nothing to do; what only needs the set-up does not say it again."""

    def said(goal: str) -> list[str]:
        ran = subprocess.run(["make", "-C", str(checkout), goal], capture_output=True, text=True)
        return [line for line in ran.stderr.splitlines() if line.startswith("setup: ")]

    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "large").write_bytes(b"x" * (3 << 20))
    for _ in range(2):
        ready, following = said("setup")[-2:]
        assert re.search(r"\.venv takes 3 MB", ready)
        assert "next: make demo" in following
    assert said("lint") == []


@pytest.mark.parametrize("name", [name for name in (*INPUTS, *SCRIPTS) if name not in ("Makefile", ALL_ONLY)])
def test_changed_content_is_set_up_whatever_its_date(checkout: Path, name: str) -> None:
    """A lock, project file or script with other content is not mistaken for the installed one because it is old."""
    assert _make(checkout, "setup") == 0
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    os.utime(checkout / name, (OLD, OLD))
    assert _make(checkout, "-q", "setup") == 1
    assert _make(checkout, "setup") == 0
    assert _make(checkout, "-q", "setup") == 0


def test_the_environment_with_torch_is_made_only_when_asked_for(checkout: Path) -> None:
    """Set-up, demo and tests need no PyTorch; its environment follows its own lock and no other."""
    assert _make(checkout, "setup") == 0
    assert not (checkout / ".venv-all").exists()
    assert _make(checkout, "setup-all") == 0
    assert _make(checkout, "-q", "setup-all") == 0
    with (checkout / ALL_ONLY).open("a") as file:
        file.write("# changed\n")
    assert _make(checkout, "-q", "setup-all") == 1
    assert _make(checkout, "-q", "setup") == 0


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_no_lock_names_where_packages_come_from(lock: str) -> None:
    """Only versions and hashes are locked: each machine has its own index."""
    assert not re.search(r"://|file:|find-links|index-url", (ROOT / "requirements" / lock).read_text())


def test_torch_is_in_one_lock_only() -> None:
    """The tour, the demo and the plain tests install no PyTorch; what both locks have is the same."""
    everyday, everything = (_pins(ROOT / "requirements" / name) for name in ("all.txt", "everything.txt"))
    assert not {"torch", "transformers", "triton"} & set(everyday)
    assert everything["torch"].startswith("2.11.")
    assert {name: everything.get(name) for name in everyday} == everyday


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ]+)", lock.read_text(), re.MULTILINE))


def test_too_little_room_for_torch_is_said_before(tmp_path: Path) -> None:
    """A disk without room is named with what is needed and free, and nothing is begun."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "df").write_text("#!/bin/sh\necho head; echo disk 9 9 3145728 9% /\n")
    (programs / "df").chmod(0o755)
    said = subprocess.run(
        ["sh", str(ROOT / "setup" / "everything.sh")],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert said.returncode == 6
    assert "needs 12 GB here; 3 GB are free" in said.stderr
    assert not (tmp_path / ".venv-all").exists()


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
