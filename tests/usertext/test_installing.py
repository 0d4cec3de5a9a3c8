"""The hint for what is not installed is a command for the very interpreter that lacks it."""

from __future__ import annotations

import importlib.util
import shlex
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from protocol.kinds import KINDS
from usertext import installing

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an interpreter in a folder with a blank in its name."""
    interpreter = tmp_path / "my venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    return interpreter


def test_the_installer_beside_the_interpreter_is_named(python: Path) -> None:
    """`make setup` puts uv there; the command can be typed from anywhere, whatever the path."""
    uv = python.with_name("uv")
    uv.touch()
    given = shlex.split(installing.with_extra("upscale"))
    assert given == [str(uv), "pip", "install", "--python", str(python), "gpudrop[upscale]"]


def test_else_pip_and_where_that_is_not_there_uv(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What declares an older Python than it runs on is uv's in any case."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: SimpleNamespace())
    assert shlex.split(installing.install("a", "b>=1")) == [str(python), "-m", "pip", "install", "a", "b>=1"]
    assert installing.with_extra("kokoro-torch").startswith("uv pip install --python ")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert installing.with_extra("llm").startswith("uv pip install --python ")


def test_another_machine_s_interpreter_is_not_guessed(python: Path) -> None:
    """The path of this one would mislead there."""
    told = installing.with_extra("whisper", here=False)
    assert told == "pip install 'gpudrop[whisper]' on the worker's machine"


def test_every_extra_that_a_kind_names_is_one() -> None:
    """So that the command works."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {extra for kind in KINDS.values() for extra in kind.extras.values()}
    assert named == {"kokoro", "kokoro-torch", "f5", "whisper", "upscale", "vision", "llm"}
    assert named <= set(known)
    assert {value.extra for kind in KINDS.values() for value in kind.known.values()} <= named
    assert set(installing.OLD_BY_NAME) <= set(known)
