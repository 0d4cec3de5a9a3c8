"""Building a wheel of the running code, so that a worker runs the same version. Needs no network and no checkout.

The wheel has all of the code, but not the requirements that only the dispatcher needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from stat import S_IFREG
from typing import Any
from zipfile import ZIP_STORED, ZipInfo

from wheel.wheelfile import WheelFile

import gpudrop_start
from gpudrop_start import PACKAGES
from protocol.errors import EnvironmentNotReady

NAME = "gpudrop"
DISPATCH = "dispatch"
"""The extra with the requirements that only the dispatcher needs."""

NOTEBOOK = "worker.ipynb"
_REQUIRES = "Requires-Dist: "
_EXTRA = re.compile(rf"""extra == ['"]{DISPATCH}['"]""")
# The earliest time in a zip file. All files get it, so that equal code gives equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_WHEEL = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(folder: Path) -> Path:
    """Write `gpudrop-<version>-py3-none-any.whl` into `folder`; equal code gives equal bytes on every machine.

    Raises EnvironmentNotReady if gpudrop is not installed.
    """
    installed = _distribution()
    wheel = folder / f"{NAME}-{installed.version}-py3-none-any.whl"
    with _ReproducibleWheel(wheel, "w", ZIP_STORED) as file:
        for name, data in _contents(installed, file.dist_info_path):
            file.writestr(name, data)
    return wheel


def notebook() -> Path:
    """Return the worker notebook of this version."""
    return _root("colab") / NOTEBOOK


class _ReproducibleWheel(WheelFile):  # type: ignore[misc]  # wheel comes without types
    """Gives every member, including RECORD, the same time and mode."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, compress_type: int | None = None) -> None:
        member = ZipInfo(str(getattr(zinfo_or_arcname, "filename", zinfo_or_arcname)), _EPOCH)
        member.external_attr = (S_IFREG | 0o644) << 16
        member.create_system = 3  # Unix, also when written on Windows
        super().writestr(member, data, compress_type)


def _contents(installed: Distribution, dist_info: str) -> Iterator[tuple[str, bytes]]:
    """Yield each member's name and bytes, the packages first, as the wheel format recommends."""
    start = Path(gpudrop_start.__file__)
    yield start.name, start.read_bytes()
    for package in PACKAGES:
        root = _root(package)
        for path in sorted(_files(root), key=lambda path: path.relative_to(root).as_posix()):
            yield f"{package}/{path.relative_to(root).as_posix()}", path.read_bytes()
    yield f"{dist_info}/METADATA", without_dispatch(_metadata(installed, "METADATA").decode()).encode()
    yield f"{dist_info}/WHEEL", _WHEEL.encode()
    yield f"{dist_info}/entry_points.txt", _metadata(installed, "entry_points.txt")
    for name in _licences(installed):
        yield f"{dist_info}/licenses/{name}", _metadata(installed, f"licenses/{name}")


def without_dispatch(metadata: str) -> str:
    """Return a wheel's METADATA without the requirements that the extra `dispatch` lists; the extra itself stays."""
    headers, blank, text = metadata.partition("\n\n")
    lines = headers.split("\n")
    named = {_name(line) for line in lines if line.startswith(_REQUIRES) and _EXTRA.search(line)}
    kept = [
        line for line in lines if not (line.startswith(_REQUIRES) and "extra ==" not in line and _name(line) in named)
    ]
    return "\n".join(kept) + blank + text


def _name(requirement: str) -> str:
    """Return the normalised name of the package in a Requires-Dist line."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.removeprefix(_REQUIRES), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).casefold()


def _files(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in parts):
            yield path


def _licences(installed: Distribution) -> list[str]:
    headers = HeaderParser().parsestr(installed.read_text("METADATA") or "")
    return sorted(str(PurePosixPath(name)) for name in headers.get_all("License-File", []))


def _metadata(installed: Distribution, name: str) -> bytes:
    text = installed.read_text(name)
    if text is None:
        raise EnvironmentNotReady(
            f"{NAME} is installed without its {name}; install it again (in a checkout: make setup)"
        )
    return text.encode()


def _distribution() -> Distribution:
    try:
        return distribution(NAME)
    except PackageNotFoundError as error:
        raise EnvironmentNotReady(f"{NAME} is not installed; install it (in a checkout: make setup)") from error


def _root(package: str) -> Path:
    """Return the folder of `package`, without importing it."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is installed with this code"
    assert spec.submodule_search_locations, f"{package} is a package"
    return Path(spec.submodule_search_locations[0])
