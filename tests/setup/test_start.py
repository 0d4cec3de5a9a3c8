"""Starting gpudrop where something is wrong with what Python imports: one line with the fix, and never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from dispatcher.workers.package import build_wheel
from gpudrop_start import PACKAGES, WrongPackage, check_packages

ROOT = Path(__file__).parents[2]
GPUDROP = Path(sys.executable).with_name("gpudrop")


def _run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_script_that_hides_a_package_is_named(tmp_path: Path, name: str) -> None:
    """The command ends with code 6 and one line that names the file; nothing of the file is run."""
    (tmp_path / f"{name}.py").write_text("raise SystemExit('it was run')\n")
    ran = _run(GPUDROP, "--version", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 6
    assert f"imports {name!r} from {tmp_path}/{name}.py" in ran.stderr
    assert "Rename or move it" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_script_beside_ours_is_named_from_python(tmp_path: Path) -> None:
    """`import dispatcher` and `import colab` beside a file called media.py say so before they import it."""
    (tmp_path / "media.py").write_text("raise SystemExit('it was run')\n")
    for ours in ("dispatcher", "colab"):
        (tmp_path / "mine.py").write_text(f"import {ours}\n")
        ran = _run(sys.executable, "mine.py", cwd=tmp_path)
        assert ran.returncode == 1
        assert "WrongPackage" in ran.stderr
        assert f"{tmp_path}/media.py" in ran.stderr


def test_the_folder_of_the_user_hides_nothing_from_a_worker(tmp_path: Path) -> None:
    """A media.py in the folder where a command is started is not what its worker imports."""
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('it was run')\n")
    (tmp_path / "notes.txt").write_text("First, open the file, and then, save it.")
    ran = _run(GPUDROP, "enhance", "notes.txt", "--out", "made", cwd=tmp_path, GPUDROP_DATA_DIR=str(tmp_path / "data"))
    assert ran.returncode == 0, ran.stderr
    assert list((tmp_path / "made").iterdir())


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Install the worker's wheel, without what it requires, into a clean environment; return that."""
    venv.create(tmp_path / "clean", with_pip=False)
    _install(tmp_path / "clean", build_wheel(tmp_path))
    return tmp_path / "clean"


def _install(clean: Path, wheel: Path) -> None:
    python = str(clean / "bin" / "python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)


def _wheel(folder: Path, distribution: str, package: str) -> Path:
    """Write the wheel of another distribution that has a package of one of our names."""
    from wheel.wheelfile import WheelFile

    made = folder / f"{distribution}-1-py3-none-any.whl"
    info = f"{distribution}-1.dist-info"
    with WheelFile(made, "w") as file:
        file.writestr(f"{package}/__init__.py", "SPEED = 1\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return made


def test_a_package_that_was_overwritten_is_named(tmp_path: Path, installed: Path) -> None:
    """A distribution that installed its own `media` over ours is named, with both ways out."""
    _install(installed, _wheel(tmp_path, "mediakit", "media"))
    ran = _run(installed / "bin" / "gpudrop", "--version", cwd=tmp_path)
    assert ran.returncode == 6
    assert "/media/__init__.py" in ran.stderr
    assert "uninstall mediakit" in ran.stderr
    assert "uv tool install gpudrop" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_what_is_not_installed_is_named_with_the_command(tmp_path: Path, installed: Path) -> None:
    """A worker's installation that is asked to send jobs says what it is, and how to install the rest."""
    ran = _run(installed / "bin" / "gpudrop", "--version", cwd=tmp_path)
    assert ran.returncode == 6
    assert f"is not installed for {installed / 'bin'}/python" in ran.stderr
    assert "This is a worker's installation" in ran.stderr
    assert "-m pip install 'gpudrop[dispatch]'" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_checkout_that_is_not_set_up_says_so(tmp_path: Path) -> None:
    """`python3 record_tour.py` with a Python that has nothing of ours points to `make setup`."""
    venv.create(tmp_path / "bare", with_pip=False)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("gpudrop_start.py", "record_tour.py"):
        shutil.copy(ROOT / name, checkout)
    ran = _run(tmp_path / "bare" / "bin" / "python", "record_tour.py", "x.json", cwd=checkout)
    assert ran.returncode == 6
    assert "make setup" in ran.stderr
    assert f"pip install {checkout}" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_check_wants_each_of_our_packages(tmp_path: Path) -> None:
    """A folder of packages that Python does not import from is refused; packages that are not there are no matter."""
    check_packages(tmp_path)
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "__init__.py").touch()
    with pytest.raises(WrongPackage, match="imports 'speech'"):
        check_packages(tmp_path)
