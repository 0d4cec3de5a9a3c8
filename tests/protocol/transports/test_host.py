"""What this machine tells of its processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from colab.attach import parent_is_gone
from protocol.transports import host


def test_a_process_is_known_to_have_ended() -> None:
    """One that runs may run, one that was waited for does not."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert host.may_run(process.pid)
        assert not parent_is_gone(process.pid)
        process.kill()
    assert not host.may_run(process.pid)
    assert parent_is_gone(process.pid)
    assert not parent_is_gone(None)


def test_nobody_asks_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """There signal 0 is Ctrl-C, to the whole group: a worker that asked for its parent would end it."""

    def kill(pid: int, number: int) -> None:
        raise AssertionError(f"signal {number} was sent to {pid}")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", kill)
    assert host.may_run(1)
    assert not parent_is_gone(1)
