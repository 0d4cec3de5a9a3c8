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

from dispatcher.drops import init_drop, publish_package
from dispatcher.workers.package import build_wheel, notebook

LOCK = Path(__file__).parents[2] / "requirements" / "all.txt"
IMPORT = "import colab, sys; sys.stdout.write(colab.__file__)"


def _versions(folder: Path) -> Path:
    """Write the locked versions without their hashes, which a wheel in a drop could not have."""
    pins = re.findall(r"^[A-Za-z0-9._-]+==[^\\\n]+", LOCK.read_text(), re.MULTILINE)
    made = folder / "versions.txt"
    made.write_text("\n".join(pin.strip() for pin in pins) + "\n")
    return made


def _environment(tmp_path: Path, *, with_uv: bool) -> dict[str, str]:
    path = tmp_path / "programs"
    path.mkdir()
    if with_uv:
        uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
        assert uv is not None, "uv is locked with everything else"
        (path / "uv").symlink_to(uv)
    versions = str(_versions(tmp_path))
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "PATH": f"{path}:/usr/bin:/bin", "PIP_CONSTRAINT": versions, "UV_CONSTRAINT": versions}


@pytest.mark.slow
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_clean_machine_runs_what_the_drop_holds(tmp_path: Path, installer: str) -> None:
    """The real notebook, in an environment with a kernel and nothing of ours, installs the drop's wheel and serves."""
    drop, clean = tmp_path / "drop", tmp_path / "clean"
    init_drop(drop)
    package = drop / publish_package(drop, build_wheel(tmp_path), notebook())
    venv.create(clean, with_pip=True, symlinks=True)
    python = str(clean / "bin" / "python")
    environment = _environment(tmp_path, with_uv=installer == "uv")

    def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, check=check, cwd=tmp_path, env=environment, capture_output=True, text=True)

    run(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, "ipykernel", "papermill")
    assert run(python, "-c", IMPORT, check=False).returncode != 0, "the environment was to be clean"
    voices = installer == "uv"
    parameters = ["MOUNT_DRIVE", "False", "I_AGREE_TO_THE_TERMS", "True", "IDLE_MINUTES", "0.02"]
    parameters += ["ENGINES", "voices" if voices else " "]
    pairs = [
        part for name, value in zip(parameters[::2], parameters[1::2], strict=True) for part in ("-p", name, value)
    ]
    papermill = [python, "-m", "papermill", str(package / "worker.ipynb"), "ran.ipynb", "-k", "python3", "--log-output"]
    said = run(*papermill, "--no-progress-bar", "-r", "DROP", str(drop), *pairs, check=False)
    assert said.returncode == 0, said.stderr[-3000:]
    assert f"installed {package.name}/" in said.stderr
    assert list(drop.glob("_workers/*/hello-*.json"))
    for name in ("playwright", "alembic", "fastapi"):
        assert run(python, "-c", f"import {name}", check=False).returncode != 0, "only a sending machine needs it"
    assert bool(re.search(r"^kokoro-onnx +0\.[6-9]", said.stderr, re.MULTILINE)) is voices
    assert run(python, "-c", IMPORT).stdout.startswith(str(next(clean.glob("lib/python3*/site-packages"))))


def test_a_package_that_is_not_whole_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a torn newer package and a whole older one the cell takes the older; with none it says what to do."""
    drop = tmp_path / "drop"
    init_drop(drop)
    whole = drop / publish_package(drop, build_wheel(tmp_path), notebook())
    torn = drop / "_dist" / "2-0123456789abcdef"
    torn.mkdir()
    (torn / "gpudrop-9-py3-none-any.whl").write_bytes(b"half a whe")
    installed: list[str] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: installed.append(command[-1]))
    _run_install_cell(drop)
    assert {Path(wheel).parent for wheel in installed} == {whole}
    shutil.rmtree(whole)
    with pytest.raises(SystemExit, match="run `gpudrop init`"):
        _run_install_cell(drop)


def _run_install_cell(drop: Path) -> None:
    cells = json.loads(notebook().read_text("utf-8"))["cells"]
    [source] = ["".join(cell["source"]) for cell in cells if "install" in cell["metadata"].get("tags", [])]
    exec(compile(source, "install cell", "exec"), {"INSTALL": True, "DROP": str(drop)})
