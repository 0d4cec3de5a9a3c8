"""A package of the npm registry that this machine is set up for: pinned, checked, kept outside the repository."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import platformdirs

TIMEOUT_S = 60
SYSTEM_FILES = (Path("/usr/local/etc/npmrc"), Path("/usr/etc/npmrc"), Path("/etc/npmrc"))
HINT = "set NPM_CONFIG_REGISTRY to the address of an npm registry, or install npm"


class NoPackageError(Exception):
    """The package cannot be had: no registry is known, or it does not answer."""


def package(name: str, version: str, integrity: str, *, below: str) -> Path:
    """Return the folder of a package's files under `below`, all if that is empty, fetched once.

    Raises NoPackageError if it cannot be had.
    """
    mark = hashlib.sha256(f"{name} {version} {integrity} {below}".encode()).hexdigest()[:16]
    kept = platformdirs.user_cache_path("gpudrop-tests") / f"{name}-{version}-{mark}"
    if not kept.is_dir():
        _unpack(_fetch(name, version, integrity), f"package/{below}/" if below else "package/", kept)
    return kept


def registry() -> str:
    """Return the registry's address as npm finds it: from the environment, from its files, else from npm itself."""
    for key, value in os.environ.items():
        if key.casefold() == "npm_config_registry" and value:
            return value
    own = os.environ.get("NPM_CONFIG_USERCONFIG")
    for file in (Path(own) if own else Path.home() / ".npmrc", *SYSTEM_FILES):
        if file.is_file() and (found := re.search(r"^\s*registry\s*=\s*(\S+)", file.read_text(), re.MULTILINE)):
            return found[1].strip("\"'")
    npm = shutil.which("npm")
    if npm is None:
        raise NoPackageError(f"no npm registry is known here; {HINT}")
    said = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, timeout=TIMEOUT_S)
    if said.returncode or not said.stdout.strip().startswith("http"):
        raise NoPackageError(f"npm does not name its registry; {HINT}")
    return said.stdout.strip()


def _fetch(name: str, version: str, integrity: str) -> bytes:
    address = f"{registry().rstrip('/')}/{name}/-/{name}-{version}.tgz"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise NoPackageError(f"{name} {version} cannot be fetched from the npm registry ({error})") from error
    kind, _, expected = integrity.partition("-")
    assert kind == "sha512"
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == expected, f"{name} {version} is another file"
    return content


def _unpack(content: bytes, below: str, kept: Path) -> None:
    """Unpack into a folder of its own and give it its name at once, so that an interrupted run leaves nothing half."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch, tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if member.isfile() and member.name.startswith(below) and ".." not in Path(member.name).parts:
                target = Path(scratch, "files", member.name.removeprefix(below))
                target.parent.mkdir(parents=True, exist_ok=True)
                source = archive.extractfile(member)
                assert source is not None
                target.write_bytes(source.read())
        if not kept.is_dir():
            Path(scratch, "files").rename(kept)
