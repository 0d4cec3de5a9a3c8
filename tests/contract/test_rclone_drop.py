"""What only a drop on a remote has: caches that two threads share, and a process that may end under both."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.transports.rc import Rc, RcGone
from protocol.transports.rclone import RcloneDrop


@pytest.fixture
def drop(rclone: str, tmp_path: Path) -> Iterator[RcloneDrop]:
    """Open a drop on a remote that is a folder of this disk."""
    (tmp_path / "drop").mkdir()
    with contextlib.closing(RcloneDrop(f"here:{tmp_path / 'drop'}")) as made:
        yield made


def test_two_threads_share_what_is_known(drop: RcloneDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread lists folder after folder, another one deletes beats: each forgets and learns undisturbed."""
    answers = {"operations/list": {"list": []}, "operations/deletefile": {}}
    monkeypatch.setattr(drop, "_do", lambda kind, what, command, parameters: answers[command])
    failed: list[BaseException] = []

    def run(act: Callable[[str], object], name: str) -> None:
        try:
            for number in range(2000):
                act(f"{name}-{number}")
        except BaseException as error:
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=each) for each in ((drop.list, "job"), (drop.delete, "beat"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failed == []


@pytest.mark.parametrize("ask", [lambda rc: rc.call("rc/noop"), lambda rc: rc.read("here:", "a").__enter__()])
def test_a_client_that_another_thread_closed_is_gone(ask: Callable[[Rc], Any]) -> None:
    """Whoever finds rclone dead closes its client; for the other thread that is the same as finding it dead itself."""
    rc = Rc("http://127.0.0.1:9", "user", "password")
    rc.close()
    with pytest.raises(RcGone):
        ask(rc)
