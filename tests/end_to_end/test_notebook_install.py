"""The notebook's install cell in a clean environment, with packages that are good, torn, unreadable or newer."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from wheel.wheelfile import WheelFile

from colab.bring import check_loaded
from dispatcher.drops.setup import init_drop, publish_package
from dispatcher.workers.package import build_wheel, notebook
from protocol.errors import EnvironmentNotReady
from tests.support.kernels import CHILDREN, Kernel, cell, kernel

LOCK = Path(__file__).parents[2] / "requirements" / "all.txt"
WHEEL = f"gpudrop-{version('gpudrop')}-py3-none-any.whl"
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


@pytest.fixture
def runtime(tmp_path: Path) -> str:
    """Return a Python that has everything the worker needs, a kernel and pip, and nothing of ours."""
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=True, symlinks=True)
    [site] = clean.glob("lib/python3*/site-packages")
    # What stands there comes after its own packages, and gpudrop's own paths are left out.
    (site / "needed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return str(clean / "bin" / "python")


@contextlib.contextmanager
def colab(tmp_path: Path, python: str, drop: Path) -> Iterator[Kernel]:
    """Start a kernel of that Python, with a form that names the drop and pip as the only installer."""
    bare = {"PYTHONPATH": "", "PATH": f"{Path(python).parent}:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    with kernel(tmp_path, python=python, env=bare) as k:
        k.form(DROP=str(drop), INSTALL=True)
        yield k


def _publish(tmp_path: Path, drop: Path, mark: str) -> Path:
    """Put a package into the drop whose `colab` says `mark` and which needs nothing more; return its folder."""
    folder = tmp_path / f"built-{mark}"
    folder.mkdir()
    wheel = build_wheel(folder)
    marked = folder / "marked" / wheel.name
    marked.parent.mkdir()
    with WheelFile(wheel) as old, WheelFile(marked, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "colab/__init__.py":
                data += f"\nMARK = {mark!r}\n".encode()
            if name.endswith("/METADATA"):
                data = re.sub(rb"Requires-Dist: .*\n", b"", data)
            if not name.endswith("/RECORD"):
                new.writestr(name, data)
    return drop / publish_package(drop, marked, notebook())


@pytest.mark.slow
def test_an_update_in_the_drop_is_what_run_all_runs(tmp_path: Path, runtime: str) -> None:
    """Run all, a newer wheel comes, Run all again: the newer code runs; without one nothing is said or lost."""
    drop = tmp_path / "drop"
    init_drop(drop)
    first = _publish(tmp_path, drop, "one")
    say = "import colab, colab.worker; print(colab.MARK, colab.__file__)"
    with colab(tmp_path, runtime, drop) as k:
        ran = k.run(cell("install"))
        assert (ran.error, ran.text) == (None, f"installed {first.name}/{WHEEL}\n")
        assert k.run(say).text.startswith(f"one {tmp_path / 'clean'}")
        k.run(cell("engines"))
        k.serve()
        k.interrupt()
        k.end(60)
        bench = k.run(CHILDREN).text
        assert len(bench.split()) == 2

        assert k.run(cell("install")).text == f"already installed: {first.name}/{WHEEL}\n"
        assert k.run(CHILDREN).text == bench, "the same code: what is loaded stays"

        second = _publish(tmp_path, drop, "two")
        ran = k.run(cell("install"))
        assert (ran.error, ran.text) == (None, f"installed {second.name}/{WHEEL}\n")
        assert k.run(CHILDREN).text == "bench\n", "a workbench of the older code is ended"
        served = k.serve()
        k.interrupt()
        assert k.end(60).error is None, served.text
        assert k.run(say).text.startswith("two ")
        cards = [json.loads(path.read_text()) for path in drop.glob("_workers/*/hello-*.json")]
        assert len(cards) == 2


@pytest.mark.slow
def test_what_cannot_be_used_is_passed_over_and_named(tmp_path: Path, runtime: str) -> None:
    """An unreadable newest wheel and a torn one are named; Drive's ` (1)` is no obstacle; older ones are not read."""
    drop = tmp_path / "drop"
    init_drop(drop)
    oldest = _publish(tmp_path, drop, "oldest")
    good = _publish(tmp_path, drop, "good")
    (good / WHEEL).rename(good / WHEEL.replace(".whl", " (1).whl"))
    good = good.rename(good.with_name(f"{good.name} (1)"))
    unreadable(oldest)
    torn = drop / "_dist" / "3-0123456789abcdef"
    torn.mkdir()
    (torn / WHEEL).write_bytes(b"half a whe")
    unreadable(drop / "_dist" / "4-0123456789abcdef")
    with colab(tmp_path, runtime, drop) as k:
        ran = k.run(cell("install"))
        assert ran.error is None
        lines = ran.text.splitlines()
        assert "4-0123456789abcdef" in lines[0]
        assert "cannot be read" in lines[0]
        assert lines[1] == f"skipped, it has not arrived completely: {torn / WHEEL}"
        assert lines[2:] == [f"installed {good.name}/{WHEEL}"]
        assert k.run("import colab; print(colab.MARK)").text == "good\n"


def unreadable(package: Path) -> None:
    """Put a wheel there that is listed and cannot be read."""
    package.mkdir(exist_ok=True)
    (package / WHEEL).unlink(missing_ok=True)
    (package / WHEEL).symlink_to("/proc/self/mem")  # reading it from the start gives EIO, for root too


def test_nothing_to_install_is_told_with_what_to_do(tmp_path: Path) -> None:
    """No whole package, a folder that is not there, and a dead mount: each in a line, with its own hint."""
    drop = tmp_path / "drop"
    init_drop(drop)
    with kernel(tmp_path) as k:
        k.form(DROP=str(drop), INSTALL=True)
        assert "On your own computer run `gpudrop init`" in str(k.run(cell("install")).error)
        k.form(DROP=str(tmp_path / "dorp"), INSTALL=True)
        assert f"Folders in {tmp_path}: drop. Correct DROP in the form" in str(k.run(cell("install")).error)
        # What a dead mount answers, from the system itself.
        k.run(
            "import errno, os, pathlib\n"
            "def dead(self): raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), str(self))\n"
            "pathlib.Path.iterdir = dead"
        )
        said = str(k.run(cell("install")).error)
    assert "Transport endpoint is not connected" in said
    assert 'drive.mount("/content/drive", force_remount=True)' in said
    assert errno.ENOTCONN == 107


def test_a_loaded_package_that_was_replaced_asks_for_a_restart() -> None:
    """What the kernel has loaded and the installation changed is named with both versions; anything else is fine."""
    before = {"pydantic": "2.0", "httpx": "0.1", "gpudrop": "0.1"}
    after = {"pydantic": "2.12", "httpx": "0.1", "gpudrop": "0.2", "typer": "1.0"}
    check_loaded(before, after, {"httpx", "typer", "colab"})
    with pytest.raises(EnvironmentNotReady, match=r"loaded: pydantic 2\.0 -> 2\.12\. Runtime → Restart session"):
        check_loaded(before, after, {"pydantic"})
