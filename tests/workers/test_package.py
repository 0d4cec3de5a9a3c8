from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import venv
import zipfile
from email.parser import HeaderParser
from importlib.metadata import requires
from pathlib import Path

import pytest

from dispatcher.workers import package
from protocol.errors import EnvironmentNotReady


def test_equal_code_gives_equal_bytes(tmp_path: Path) -> None:
    """Two builds of the same code have the same digest, whatever the clock says."""
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        digests.add(hashlib.sha256(package.build_wheel(tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_every_member_has_the_fixed_time(tmp_path: Path) -> None:
    """No member, RECORD least of all, tells when it was made."""
    with zipfile.ZipFile(package.build_wheel(tmp_path)) as wheel:
        assert {member.date_time for member in wheel.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_data_travels_and_rubbish_stays(tmp_path: Path) -> None:
    """The notebook, the migrations, all packages and what starts them are inside; caches and hidden files are not."""
    with zipfile.ZipFile(package.build_wheel(tmp_path)) as wheel:
        names = wheel.namelist()
    assert "colab/worker.ipynb" in names
    assert "dispatcher/runs/migrations/script.py.mako" in names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "gpudrop_start.py",
        *package.PACKAGES,
    }
    assert not [name for name in names if "__pycache__" in name or "/." in name]


def test_the_wheel_installs_and_runs(tmp_path: Path) -> None:
    """pip installs the wheel without a network into a clean environment; the protocol imports from there."""
    wheel = package.build_wheel(tmp_path)
    venv.create(tmp_path / "clean", with_pip=False)
    python = tmp_path / "clean" / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, cwd=tmp_path)
    code = "import protocol.errors, importlib.metadata as m; print(protocol.__file__, m.version('gpudrop'))"
    said = subprocess.run([python, "-I", "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True).stdout
    assert said.startswith(str(tmp_path / "clean"))
    assert (tmp_path / "clean" / "bin" / "gpudrop").exists()


def test_an_installed_wheel_packs_itself(tmp_path: Path) -> None:
    """The wheel made by an installed wheel is the same wheel, so that a worker could hand it on."""
    first = package.build_wheel(tmp_path)
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile", "--target", str(site)]
    subprocess.run([sys.executable, *install, str(first)], check=True, cwd=tmp_path)
    (tmp_path / "again").mkdir()
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r}); from pathlib import Path;"
        "from dispatcher.workers import package;"
        f"assert package.__file__.startswith({str(site)!r}); package.build_wheel(Path('again'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert (tmp_path / "again" / first.name).read_bytes() == first.read_bytes()


def test_code_that_is_not_installed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its metadata there is no wheel; the error names the hint."""
    monkeypatch.setattr(package, "NAME", "no-such-distribution")
    with pytest.raises(EnvironmentNotReady, match="make setup"):
        package.build_wheel(tmp_path)


def test_a_workers_wheel_requires_no_dispatcher(tmp_path: Path) -> None:
    """What the extra `dispatch` names is left out of the requirements, the rest stays, and so does the extra."""
    required = requires("gpudrop") or []
    base = {it for it in required if "extra ==" not in it}
    dispatch = {it.partition(";")[0].strip() for it in required if re.search("extra == .dispatch", it)}
    assert {"playwright>=1.59", "alembic>=1.13", "sqlalchemy>=2.0.30"} <= dispatch <= base
    with zipfile.ZipFile(package.build_wheel(tmp_path)) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        told = wheel.read(name).decode()
    kept = set(HeaderParser().parsestr(told).get_all("Requires-Dist", []))
    assert kept == set(required) - dispatch
    assert package.without_dispatch(told) == told


def test_only_whole_names_are_left_out() -> None:
    """A name that begins alike, a marker, another spelling, and the text below the headers are told apart."""
    told = """\
Name: gpudrop
Requires-Dist: wheel-inspect>=1
Requires-Dist: Wheel >=0.45 ; python_version < "4"
Requires-Dist: sql.alchemy[asyncio]>=2
Requires-Dist: numpy
Requires-Dist: wheel>=0.45; extra == "dispatch"
Requires-Dist: SQL_Alchemy>=2; extra == 'dispatch'
Requires-Dist: wheel; extra == 'dev'

Requires-Dist: wheel>=0.45
"""
    lines = package.without_dispatch(told).splitlines()
    assert [line for line in told.splitlines() if line not in lines] == [
        'Requires-Dist: Wheel >=0.45 ; python_version < "4"',
        "Requires-Dist: sql.alchemy[asyncio]>=2",
    ]
    assert lines[-1] == "Requires-Dist: wheel>=0.45"
