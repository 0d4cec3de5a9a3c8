"""What only a drop on a remote has: caches that two threads share, and a process that may end under both."""

from __future__ import annotations

import contextlib
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from protocol.errors import NameMissing
from protocol.transports.rc import Rc, RcGone
from protocol.transports.rclone import RcloneDrop
from protocol.transports.rclone_calls import RemoteCalls


class Answers(RemoteCalls):
    """A remote that has the same answer to every call of a sort."""

    answers: ClassVar[dict[str, Any]] = {
        "operations/fsinfo": {"Features": {"CanHaveEmptyDirectories": True}},
        "operations/list": {"list": []},
        "operations/deletefile": {},
    }

    def do(self, kind: Any, what: str, command: str, parameters: dict[str, Any]) -> Any:
        """Return the answer."""
        return self.answers[command]


def test_two_threads_share_what_is_known() -> None:
    """While one thread lists folder after folder, another one deletes beats: each forgets and learns undisturbed."""
    drop = RcloneDrop("here:folder", calls=Answers("here:folder"))
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
    drop.close()
    assert failed == []


@pytest.mark.parametrize("ask", [lambda rc: rc.call("rc/noop"), lambda rc: rc.read("here:", "a").__enter__()])
def test_a_client_that_another_thread_closed_is_gone(ask: Callable[[Rc], Any]) -> None:
    """Whoever finds rclone dead closes its client; for the other thread that is the same as finding it dead itself."""
    rc = Rc("http://127.0.0.1:9", "user", "password")
    rc.close()
    with pytest.raises(RcGone):
        ask(rc)


@pytest.fixture
def sides(rclone: str) -> Iterator[tuple[RcloneDrop, RcloneDrop]]:
    """Open two drops on one bucket, which like those of S3 and B2 knows no empty folders."""
    name = f"bucket:{uuid.uuid4().hex}"
    with contextlib.closing(RcloneDrop(name, make=True)) as mine, contextlib.closing(RcloneDrop(name)) as theirs:
        yield mine, theirs


@pytest.mark.fault("job-folder-deleted")
def test_a_folder_that_somebody_deleted_is_gone_from_a_bucket(sides: tuple[RcloneDrop, RcloneDrop]) -> None:
    """Whoever has seen it, or has written into it, finds it missing, and makes it no more by a late write."""
    mine, theirs = sides
    theirs.make_folder("job")
    theirs.put("job/request", b"x")
    assert [entry.name for entry in mine.list("job")] == ["request"]
    mine.put("job/claim", b"x")
    theirs.delete("job")
    for side in sides:
        with pytest.raises(NameMissing):
            side.list("job")
    with pytest.raises(NameMissing):
        mine.put("job/done", b"x")
    with pytest.raises(NameMissing):
        theirs.list("job")


def test_a_folder_that_was_made_in_a_bucket_is_there_until_it_has_content(
    sides: tuple[RcloneDrop, RcloneDrop],
) -> None:
    """The side that made it may write into it; for the other it begins with the first file, and ends with the last."""
    mine, theirs = sides
    mine.make_folder("_workers/w")
    assert mine.list("_workers/w") == mine.list("_workers") == ()
    with pytest.raises(NameMissing):
        theirs.list("_workers/w")
    mine.put("_workers/w/hello", b"x")
    assert [entry.name for entry in theirs.list("_workers/w")] == ["hello"]
    theirs.delete("_workers/w/hello")
    with pytest.raises(NameMissing):
        mine.list("_workers/w")
    mine.make_folder("_workers/w")
    mine.put("_workers/w/hello", b"x")
    assert [entry.name for entry in theirs.list("_workers")] == ["w"]
