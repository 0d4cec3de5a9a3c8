"""Installs the worker's wheel into a notebook's runtime: `python -m colab.bring WHEEL LABEL`, run from that very wheel.

Imports only the standard library and the error tree: nothing else is installed yet. Standard input lists the modules
that the kernel has loaded, one per line; if the installation changes one of them, the session has to be restarted.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from protocol.errors import EnvironmentNotReady, GpudropError

NAME = "gpudrop"


def bring(wheel: Path, label: str, loaded: Collection[str]) -> str:
    """Install a wheel and its requirements, unless it is installed already; return a line for the user.

    Raises EnvironmentNotReady if it cannot be installed, or if it replaced a module that is loaded.
    """
    before, was = _versions(), _installed_from()
    install, reinstall = _installer()
    _run([*install, str(wheel)])
    if was == wheel.as_uri():
        return f"already installed: {label}"
    _run([*install, "--no-deps", reinstall, str(wheel)])  # the same version may contain other code
    check_loaded(before, _versions(), loaded)
    return f"installed {label}"


def check_loaded(before: Mapping[str, str], after: Mapping[str, str], loaded: Collection[str]) -> None:
    """Raise EnvironmentNotReady, naming each, for packages that changed while the kernel has them loaded."""
    imported: dict[str, set[str]] = {}
    for module, packages in importlib.metadata.packages_distributions().items():
        for package in packages:
            imported.setdefault(package.lower(), set()).add(module)
    changed = [
        f"{name} {before[name]} -> {version}"
        for name, version in after.items()
        if name != NAME and before.get(name, version) != version and imported.get(name, {name}) & set(loaded)
    ]
    if changed:
        raise EnvironmentNotReady(
            f"this session still has older packages loaded: {', '.join(sorted(changed))}. "
            "Runtime → Restart session, then Runtime → Run all"
        )


def _versions() -> dict[str, str]:
    return {found.name.lower(): found.version for found in importlib.metadata.distributions() if found.name}


def _installed_from() -> str:
    """Return the address of the installed wheel as recorded by pip or uv; "" if there is none."""
    for found in importlib.metadata.distributions(name=NAME):
        if (text := found.read_text("direct_url.json")) is not None:
            return str(json.loads(text).get("url", ""))
    return ""


def _installer() -> tuple[Sequence[str], str]:
    """Return the install command, uv's if available, and its option for reinstalling the same version."""
    if (uv := shutil.which("uv")) is not None:
        return (uv, "pip", "install", "--quiet", "--python", sys.executable), "--reinstall"
    quiet = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
    return (sys.executable, "-m", "pip", "install", *quiet), "--force-reinstall"


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise EnvironmentNotReady(
            f"the worker could not be installed:\n{said}\nCheck that this runtime reaches its package index, then run "
            "this cell again"
        )


def main() -> int:
    """Install the wheel named by the arguments; an error is a few lines on standard error."""
    wheel, label = Path(sys.argv[1]), sys.argv[2]
    try:
        print(bring(wheel, label, sys.stdin.read().split()))  # noqa: T201 - it is what the cell shows
    except GpudropError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
