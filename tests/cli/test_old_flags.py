"""The flags that existing command lines carry: understood, or refused with what to do instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from protocol.errors import UsageError


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Return a spec that is wrong in one place: reading it is as far as these tests go."""
    (tmp_path / "t.json").write_text(json.dumps({"steps": [{"id": "a"}]}))
    return tmp_path / "t.json"


@pytest.mark.parametrize(
    "flags",
    [
        ["--dry-run", "--skip-tts", "--work-dir", "w"],
        ["--tts-backend", "colab", "--colab-drive-path", "p", "--colab-timeout", "900"],
        ["--tts-backend", "colab", "--drop", "p"],
        [
            "--tts-backend",
            "colab-f5",
            "--ref-audio",
            "r.wav",
            "--ref-text",
            "Hi.",
            "--voice-seed",
            "7",
            "--nfe-step",
            "16",
        ],
        ["--encode-backend", "local", "--nvenc-drive-path", "p", "--nvenc-timeout", "1200"],
        ["--encode-backend", "colab-nvenc", "--require-nvenc", "--encode-fallback"],
        ["--zoom", "off"],
        ["--zoom", "auto"],
        ["--zoom", "mobile"],
    ],
)
def test_every_flag_is_understood(spec: Path, flags: list[str]) -> None:
    """The only complaint is about the spec."""
    ran = CliRunner().invoke(app, ["tour", str(spec), *flags])
    assert "$.steps[0].url" in str(ran.exception)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--encode-backend", "colab"], "local, colab-nvenc"),
        (["--zoom", "in"], "off, auto, mobile"),
        (["--skip-tts", "--respeak"], "one of them"),
        (["--drop", "a", "--colab-drive-path", "b"], "name two different drops"),
    ],
)
def test_what_is_not_done_says_what_is(spec: Path, flags: list[str], words: str) -> None:
    """A usage error, before the spec is looked at."""
    ran = CliRunner().invoke(app, ["tour", str(spec), *flags])
    assert isinstance(ran.exception, UsageError)
    assert words in str(ran.exception)
