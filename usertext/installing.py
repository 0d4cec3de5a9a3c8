"""The command that installs what is missing, for the interpreter that misses it: a hint that can be typed as it is."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path

OLD_BY_NAME = ("kokoro-torch", "misaki")
"""Extras of ours with packages that declare an older Python than they run on."""


def install(*packages: str, by_uv: bool = False) -> str:
    """Return the command that installs packages for the interpreter that runs this, with the installer it has.

    `by_uv` is for packages that declare an older Python than they run on: pip refuses them, uv does not.
    """
    python, wanted = shlex.quote(sys.executable), " ".join(map(shlex.quote, packages))
    beside = Path(sys.executable).with_name("uv")
    if beside.exists():
        return f"{shlex.quote(str(beside))} pip install --python {python} {wanted}"
    if importlib.util.find_spec("pip") is not None and not by_uv:
        return f"{python} -m pip install {wanted}"
    return f"uv pip install --python {python} {wanted}"


def with_extra(name: str, *, here: bool = True) -> str:
    """Return the command that installs an extra of ours for the interpreter that runs this.

    Where it is not `here` that it is missing, the interpreter is not known, and the command is a general one.
    """
    if here:
        return install(f"gpudrop[{name}]", by_uv=name in OLD_BY_NAME)
    return f"pip install 'gpudrop[{name}]' on the worker's machine"
