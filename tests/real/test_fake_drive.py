"""rclone's real Drive backend against a small Drive that does what Drive does: doubles, refusals, late listings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.job import Job
from protocol import codec
from protocol.errors import StorageFull
from protocol.layout import DROP_CARD
from protocol.messages import ClaimTerms, DropCard
from protocol.transports import rclone_server
from protocol.transports.rclone import DRIVE, RcloneDrop
from tests.support.drops import client, wait_for, worker
from tests.support.fake_drive import FOLDER, ROOT, Drive, fake_drive
from tests.support.rclone import needs_rclone

pytestmark = [needs_rclone, pytest.mark.timeout(600)]


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drive]:
    """Serve a Drive with an empty drop in it, as rclone's remote `gdrive:`."""
    with fake_drive(tmp_path) as (served, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        rclone_server._shared.end()  # one that another test started knows another configuration
        folder = served.add("drop", ROOT, FOLDER)
        served.add(DROP_CARD, folder.id, data=codec.encode(DropCard(drop="5" * 16, id="5" * 16)))
        yield served
        rclone_server._shared.end()


@pytest.fixture
def drop(drive: Drive) -> Iterator[RcloneDrop]:
    with contextlib.closing(RcloneDrop("gdrive:drop")) as opened:
        yield opened


def test_it_is_paced_as_drive(drop: RcloneDrop) -> None:
    """The backend says that names may be doubled, so claims settle for half a minute."""
    assert drop.capabilities == DRIVE
    assert [entry.name for entry in drop.list("")] == [DROP_CARD]


@pytest.mark.fault("one-name-twice")
def test_two_files_of_one_name_are_both_read(drive: Drive, drop: RcloneDrop, tmp_path: Path) -> None:
    """Each copy is listed and each can be had, by whichever way."""
    folder = drive.named("drop")[0].id
    drive.add("twice", folder, data=b"one")
    drive.add("twice", folder, data=b"other")
    copies = [entry.copy for entry in drop.list("") if entry.name == "twice"]
    assert copies == [0, 1]
    assert {drop.get("twice", limit=10, copy=copy) for copy in copies} == {b"one", b"other"}
    drop.copy_out("twice", tmp_path / "out", limit=10, copy=1)
    assert (tmp_path / "out").read_bytes() in (b"one", b"other")


@pytest.mark.fault("403-although-created")
def test_what_drive_refused_and_created_is_there_once(drive: Drive, drop: RcloneDrop) -> None:
    """403 although the file was created: the write succeeds, and no second file comes of it."""
    left = [1]
    drive.fails_after = lambda verb, path: (
        (403, "userRateLimitExceeded") if path.startswith("/upload/") and left and left.pop() else None
    )
    drop.make_folder("job")
    drop.put("job/a", b"x")
    assert drop.get("job/a", limit=1) == b"x"
    assert len({file.data for file in drive.named("a")}) == 1


@pytest.mark.fault("403-429-5xx")
def test_a_busy_drive_is_asked_again(drive: Drive, drop: RcloneDrop) -> None:
    """Rate limits pass; a full Drive is told as such, at once and for what it is."""
    left = [1, 1, 1]
    drive.fails = lambda verb, path: (403, "rateLimitExceeded") if left and left.pop() else None
    drop.put("a", b"x")
    assert not left
    drive.fails = lambda verb, path: (403, "storageQuotaExceeded") if path.startswith("/upload/") else None
    with pytest.raises(StorageFull, match="Free some space"):
        drop.put("b", b"x")


@pytest.mark.fault("stale-listing")
def test_a_job_over_a_drive_in_a_bad_mood(drive: Drive, drop: RcloneDrop, tmp_path: Path) -> None:
    """Late listings, refusals although done, rate limits: one right result all the same."""
    drive.hidden_s = 0.7
    requests = [0]

    def moody(verb: str, path: str) -> tuple[int, str] | None:
        requests[0] += 1
        return (403, "userRateLimitExceeded") if requests[0] % 9 == 0 else None

    drive.fails = drive.fails_after = moody
    with (
        worker(tmp_path / "w", "--drop", "rclone:gdrive:drop", "--beat", "3", "--poll", "0.5", env=os.environ),
        client(drop, tmp_path / "data") as here,
    ):
        here.poll_s, here.terms = 0.5, ClaimTerms(settle_s=3, lease_s=60)
        steps = [{"id": f"s{k}", "narration": f"Sentence {k}."} for k in range(3)]
        result = here.submit(Job(kind="tts", params={"steps": steps})).wait(250)
        wait_for(lambda: bool(drive.named("accepted-1.json")), 40)
    assert len(result.files) == 6
