"""Ctrl-C and idle commands: a user is always told what happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.drops import ROOT

SLOW = """
import signal, sys
import gpudrop_start
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "dispatcher.cli":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Slow())
gpudrop_start.command()
"""


def test_an_interrupt_during_the_imports_says_so() -> None:
    """They take a second or more: Ctrl-C meanwhile prints the same line as later, and has the same exit code."""
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("interrupted; ")
    assert len(done.stderr.splitlines()) == 1


def test_watch_says_that_it_waits(tmp_path: Path) -> None:
    """With nothing open it goes on in silence otherwise, as if it hung."""
    told = {"GPUDROP_DATA_DIR": str(tmp_path / "data"), "GPUDROP_CONFIG_DIR": str(tmp_path / "config")}
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher.cli", "watch"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **told},
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "no open runs; waiting for new ones (Ctrl-C to stop)\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
