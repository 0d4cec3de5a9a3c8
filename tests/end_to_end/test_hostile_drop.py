"""A real worker on a drop full of what somebody put there to hurt it: it lives on and does the next job."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from dispatcher.jobs.job import Job
from protocol.observation import read_drop_id
from protocol.transports import open_drop
from tests.support import hostile
from tests.support.drops import client, make_drop, wait_for, worker

MIB = 1 << 20
MOST_MEMORY = 400 * MIB
NONCE = "a" * 16


def fill(drop: Path, outside: Path) -> int:
    """Put every hostile thing into a drop, each in a job folder of its own; return how many folders there are."""
    drop_id = read_drop_id(open_drop(drop), "test")
    for n, data in enumerate(hostile.JSON.values()):
        (drop / f"json-{n}").mkdir()
        (drop / f"json-{n}" / "request.json").write_bytes(data)
    for n, (kind, params, more) in enumerate(hostile.REQUESTS.values()):
        (drop / f"request-{n}").mkdir()
        made = hostile.with_checksum(hostile.request(drop_id, f"request-{n}", kind, params, **more))
        (drop / f"request-{n}" / "request.json").write_bytes(made)
        (drop / f"request-{n}" / "in-1-x").write_bytes(b"x")
    for name in hostile.NAMES.values():
        with contextlib.suppress(OSError):  # what no file system holds is nobody's problem
            (drop / os.fsencode(name).decode("utf-8", "surrogateescape")).mkdir()
            (drop / name / "request.json").write_text('{"voice": "x", "steps": []}')
    for name in ("request.json", "cancel-1.json", f"try-1-{NONCE}-w.claim.json", "audio"):
        (drop / f"link-{name[:3]}").mkdir()
        (drop / f"link-{name[:3]}" / name).symlink_to(outside)
        (drop / f"pipe-{name[:3]}").mkdir()
        os.mkfifo(drop / f"pipe-{name[:3]}" / name)
    (drop / "linked").symlink_to(outside)
    (drop / "_workers").mkdir()
    (drop / "_workers" / "link").symlink_to(outside)
    return len(list(drop.iterdir()))


def memory(pid: int) -> int:
    """Return the most memory that a process has used."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


@pytest.mark.fault("bad-json")
@pytest.mark.fault("naughty-names")
@pytest.mark.fault("symlink")
def test_a_worker_lives_through_everything(tmp_path: Path) -> None:
    """No hostile request, name, link or pipe ends it, fills its memory, or leads it outside; good jobs are done."""
    drop, outside = make_drop(tmp_path / "drop"), tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    assert fill(drop, outside) > 80
    before = {path.name for path in tmp_path.iterdir()}
    with worker(drop) as process, client(drop, tmp_path / "data") as c:
        for text in ("first", "second"):
            result = c.submit(Job(kind="echo", params={"text": text})).wait(60)
            assert result.files["echo.txt"].read_text() == text
        told = drop.with_suffix(".log")
        wait_for(lambda: ended(drop) >= ANSWERED, 60)
        assert process.poll() is None
        assert memory(process.pid) < MOST_MEMORY
        text = told.read_text(errors="replace")
    assert "Traceback" not in text
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert {path.name for path in tmp_path.iterdir()} - before <= {"drop.log", "data"}
    assert not list(drop.glob("json-*/try-*"))


ANSWERED = 14
"""How many of the requests above are whole, only wrong, so that their sender gets an answer."""


def ended(drop: Path) -> int:
    """Return how many hostile requests were answered."""
    return len(list(drop.glob("request-*/*.error.marker"))) + len(list(drop.glob("request-*/*.done.marker")))
