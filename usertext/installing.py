"""The command that installs a missing package for the running interpreter, as a hint that can be copied."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path

OLD_BY_NAME = ("kokoro-torch", "misaki")
"""Our extras with packages that declare only older Python versions, but work."""


def install(*packages: str, by_uv: bool = False) -> str:
    """Return the command that installs packages for the running interpreter, with the installer it has.

    `by_uv` is for packages that declare only older Python versions: pip refuses them, uv does not.
    """
    python, wanted = shlex.quote(sys.executable), " ".join(map(shlex.quote, packages))
    beside = Path(sys.executable).with_name("uv")
    if beside.exists():
        return f"{shlex.quote(str(beside))} pip install --python {python} {wanted}"
    if importlib.util.find_spec("pip") is not None and not by_uv:
        return f"{python} -m pip install {wanted}"
    return f"uv pip install --python {python} {wanted}"


def with_extra(name: str, *, here: bool = True) -> str:
    """Return the command that installs one of our extras for the running interpreter.

    If it is missing elsewhere (not `here`), the interpreter is unknown and the command is a general one.
    """
    if here:
        return install(f"gpudrop[{name}]", by_uv=name in OLD_BY_NAME)
    return f"pip install 'gpudrop[{name}]' on the worker's machine"
