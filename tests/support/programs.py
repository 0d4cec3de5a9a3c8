"""Programs that stand in for others: they note that they were called, and do their work or none."""

from __future__ import annotations

import shlex
from pathlib import Path


def noted(at: Path, note: Path, does: str | None) -> Path:
    """Write a program that adds a line to `note` at each call, and then is the program `does`, or fails without one."""
    at.parent.mkdir(parents=True, exist_ok=True)
    then = f'exec {shlex.quote(does)} "$@"' if does else "exit 1"
    at.write_text(f'#!/bin/sh\necho "$0 $@" >> {shlex.quote(str(note))}\n{then}\n')
    at.chmod(0o755)
    return at
