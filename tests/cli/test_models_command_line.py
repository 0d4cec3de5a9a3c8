"""`gpudrop models` runs in a process of its own, and its exit code comes through."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.fixture
def gpudrop(tmp_path):
    """Return a runner of the real command with empty folders."""
    environment = os.environ | {
        "GPUDROP_WORKER_MODELS_DIR": str(tmp_path / "models"),
        "GPUDROP_WORKER_MODELS_FILE": str(tmp_path / "models.toml"),
    }

    def run(*arguments):
        command = [sys.executable, "-c", "from dispatcher.cli import main; main()", "models", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_the_command_lists_and_its_errors_come_through(gpudrop):
    """The list of the product's own table; code 3 and near matches for a name that is in none."""
    listed = gpudrop("ls", "--kind", "upscale")
    assert listed.returncode == 0
    assert "realesrgan-x4plus" in listed.stdout
    assert "BSD-3-Clause" in listed.stdout
    unknown = gpudrop("pull", "whisper-smal")
    assert unknown.returncode == 3
    assert "did you mean whisper-small" in unknown.stderr
