"""The wheel that a package index would serve: it installs into a clean environment and every command works there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it by the build backend, as a release would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    [made] = folder.glob("gpudrop-*.whl")
    return made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a user who has nothing of ours, with the locked versions for both installers."""
    pins = re.findall(r"^[A-Za-z0-9._-]+==[^\\\n]+", (ROOT / "requirements" / "all.txt").read_text(), re.MULTILINE)
    versions = tmp_path / "versions.txt"
    versions.write_text("\n".join(pin.strip() for pin in pins) + "\n")
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "COLAB_TTS_DRIVE_PATH", "GPUDROP_DROP")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {
        **kept,
        "PIP_CONSTRAINT": str(versions),
        "UV_CONSTRAINT": str(versions),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "GPUDROP_DATA_DIR": str(tmp_path / "data"),
        "GPUDROP_CONFIG_DIR": str(tmp_path / "config"),
    }


def _by_uv(wheel: Path, environment: dict[str, str], tmp_path: Path) -> Path:
    uv = [sys.executable, "-m", "uv", "tool", "install", "-q", "--python", sys.executable]
    subprocess.run([*uv, str(wheel)], check=True, env=environment, cwd=tmp_path)
    return tmp_path / "bin" / "gpudrop"


def _by_pip(wheel: Path, environment: dict[str, str], tmp_path: Path) -> Path:
    venv.create(tmp_path / "clean", with_pip=False)
    python = str(tmp_path / "clean" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, str(wheel)], check=True, env=environment, cwd=tmp_path)
    return tmp_path / "clean" / "bin" / "gpudrop"


@pytest.mark.slow
@pytest.mark.parametrize("install", [_by_uv, _by_pip], ids=["uv-tool-install", "pip-install"])
def test_the_installed_wheel_works(wheel: Path, environment: dict[str, str], tmp_path: Path, install) -> None:  # type: ignore[no-untyped-def]
    """Help, the doctor, a job by a worker of this machine, a drop with the worker's wheel, a search of the runs."""
    gpudrop = str(install(wheel, environment, tmp_path))

    def run(*arguments: str) -> str:
        ran = subprocess.run([gpudrop, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 0, f"{arguments}: {ran.stderr[-3000:]}"
        assert "Traceback" not in ran.stderr
        return ran.stdout

    assert run("--version").startswith("gpudrop ")
    assert "dashboard" in run("--help")
    assert "--port" in run("dashboard", "--help")
    shutil.copy(ROOT / "examples" / "media" / "notes.txt", tmp_path)
    made = run("enhance", "notes.txt", "--out", "made").split()
    assert [(tmp_path / path).is_file() for path in made] == [True] * len(made) != []
    assert [it["kind"] for it in json.loads(run("runs", "ls", "--json"))["runs"]] == ["enhance"]
    drop = json.loads(run("init", "--drop", str(tmp_path / "drop"), "--json"))
    assert Path(drop["notebook"]).is_file()
    state = {it["check"]: it["state"] for it in json.loads(run("doctor", "--drop", drop["drop"], "--json"))["findings"]}
    assert {state[check] for check in ("ffmpeg", "speech", "database", "drop")} == {"ok"}
